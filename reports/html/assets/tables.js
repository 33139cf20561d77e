// Sorting and filtering of tables. Cells hold their number in data-v, rows their network and
// training set in data-n and data-t, so that what is printed is never parsed.

function startTables() {
  for (const table of document.querySelectorAll('table')) startSorting(table);
  for (const link of document.querySelectorAll('a.method')) {
    link.addEventListener('click', () => {
      $('filter').value = link.dataset.words;
      changeFilters();
    });
  }
  FILTERS.changed.push(filterRows);
}

function startSorting(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const buttons = [...table.tHead.querySelectorAll('button')];
  buttons.forEach((button, column) => {
    button.addEventListener('click', () => {
      const header = button.closest('th');
      const next = { none: 'descending', descending: 'ascending', ascending: 'none' };
      const order = next[header.getAttribute('aria-sort') || 'none'];
      for (const other of buttons) other.closest('th').removeAttribute('aria-sort');
      if (order !== 'none') header.setAttribute('aria-sort', order);
      body.classList.toggle('sorted', order !== 'none');
      body.replaceChildren(...(order === 'none' ? original : sorted(original, column, order)));
    });
  });
}

function sorted(rows, column, order) {
  // Headings and rules between rows are meaningless in another order.
  const keyed = rows
    .filter((row) => !row.matches('.heading'))
    .map((row) => ({ row, value: sortValue(row.cells[column]) }));
  const sign = order === 'ascending' ? 1 : -1;
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    const less = typeof a.value === 'number' && typeof b.value === 'number'
      ? a.value - b.value : String(a.value).localeCompare(String(b.value), 'en', { numeric: true });
    return sign * less;
  });
  return keyed.map((entry) => entry.row);
}

function sortValue(cell) {
  if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
  // Words in a column of numbers say why there is no number; they are always last.
  return cell.matches('.text') || cell.cellIndex === 0 ? cell.textContent.trim() || null : null;
}

function filterRows() {
  const rows = document.querySelectorAll('table tbody tr');
  let shown = 0;
  let all = 0;
  for (const row of rows) {
    if (row.matches('.heading')) continue;
    const matches = rowMatches(row);
    row.hidden = !matches;
    shown += matches;
    all += 1;
  }
  for (const heading of document.querySelectorAll('tr.heading')) {
    let next = heading.nextElementSibling;
    while (next && next.hidden) next = next.nextElementSibling;
    heading.hidden = !next || next.matches('.heading');
  }
  $('matches').textContent = shown === all ? '' : `${shown} of ${all} rows`;
}

function rowMatches(row) {
  const { n, t } = row.dataset;
  if (FILTERS.network && n && n !== FILTERS.network) return false;
  if (FILTERS.trainSet && t && t !== FILTERS.trainSet) return false;
  row.words ??= [...row.cells].map((cell) => cell.textContent).concat(row.dataset.words || '').join(' ').toLowerCase();
  return FILTERS.words.every((word) =>
    word[0] === '-' ? !row.words.includes(word.slice(1)) : row.words.includes(word));
}
