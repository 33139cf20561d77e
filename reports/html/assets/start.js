// Tables work at once; curves have to be unpacked first.
startFilters();
startTheme();
startTables();
loadCurves().then(() => {
  startCurves();
  startViewer();
  document.body.dataset.ready = 'yes';
});
