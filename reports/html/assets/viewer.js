// The section with saved frames: all methods side by side, and two of them with a wipe.

const VIEW = { panels: [], x: 0, y: 0, zoom: 1, history: null };

function startViewer() {
  const any = DATA.pictures.length > 0;
  $('viewer').hidden = !any;
  $('no-frames').hidden = any;
  if (!any) return;
  const sets = [...new Set(DATA.pictures.map((entry) => entry.set))];
  fill($('frame-set'), sets.map((set) => [set, DATA.sets[set].label]));
  if (sets.includes(DATA.focus)) $('frame-set').value = DATA.focus;
  VIEW.history = new Chart($('history'));
  $('frame-set').addEventListener('change', listSavedVideos);
  $('frame-video').addEventListener('change', showVideo);
  $('frame').addEventListener('input', showFrame);
  for (const id of ['wipe-left', 'wipe-right']) $(id).addEventListener('change', showFrame);
  $('wipe').addEventListener('input', () => setWipe(Number($('wipe').value)));
  $('zoom').addEventListener('input', () => pan(0, 0));
  drag($('stage'), (event) => {
    const box = $('stage').getBoundingClientRect();
    setWipe(Math.round((100 * (event.clientX - box.left)) / box.width));
  });
  FILTERS.changed.push(showVideo);
  listSavedVideos();
}

function listSavedVideos() {
  const entries = DATA.pictures.map((entry, i) => [i, entry]).filter(([, e]) => e.set === Number($('frame-set').value));
  fill($('frame-video'), entries.map(([i, e]) => [i, DATA.sets[e.set].videos[e.video].name]), '');
  $('frame').value = 0;
  showVideo();
}

const currentEntry = () => DATA.pictures[$('frame-video').value];

function showVideo() {
  const entry = currentEntry();
  VIEW.panels = entry.shown.filter(({ method }) => method === null || isShown(DATA.methods[method]));
  $('frame').max = entry.frames.length - 1;
  const names = VIEW.panels.map((shown, i) => [i, shown.name]);
  const kept = ['wipe-left', 'wipe-right'].map((id) => $(id).selectedOptions[0]?.text);
  for (const [at, id] of ['wipe-left', 'wipe-right'].entries()) {
    fill($(id), names, '');
    const same = VIEW.panels.findIndex((shown) => shown.name === kept[at]);
    $(id).value = same >= 0 ? same : at === 0 ? 0 : names.length - 1;
  }
  $('panels').replaceChildren(...VIEW.panels.map(makePanel));
  showFrame();
}

function makePanel(shown, index) {
  const view = element('div', { className: 'view' }, element('img', { alt: '' }));
  const method = shown.method === null ? null : DATA.methods[shown.method];
  const mark = element('span', { className: 'swatch' });
  mark.style.background = method ? colorOf(method.color) : cssColor('--soft');
  const name = element('span', { textContent: shown.name });
  const caption = element('figcaption', {}, mark, name, element('span', { className: 'value' }));
  if (shown.seed !== null) caption.append(element('small', { textContent: `seed ${shown.seed}` }));
  let moved = false;
  drag(view, (event) => {
    moved ||= Math.abs(event.movementX) + Math.abs(event.movementY) > 0;
    const box = view.getBoundingClientRect();
    pan(event.movementX / box.width, event.movementY / box.height);
  }, () => { moved = false; });
  view.addEventListener('click', () => {
    if (moved) return;
    $('wipe-right').value = index;
    showFrame();
  });
  return element('figure', {}, view, caption);
}

function showFrame() {
  const entry = currentEntry();
  const at = Number($('frame').value);
  const frame = entry.frames[at];
  const { frames } = DATA.sets[entry.set].videos[entry.video];
  $('frame-number').textContent = `${frame} of 0 to ${frames - 1}`;
  $('frame').setAttribute('aria-valuetext', `frame ${frame}`);
  [...$('panels').children].forEach((figure, i) => {
    put(figure.querySelector('.view'), figure.querySelector('img'), VIEW.panels[i], at);
    figure.querySelector('.view').classList.toggle('chosen', String(i) === $('wipe-right').value);
    figure.querySelector('.value').textContent = scoreOf(VIEW.panels[i], entry, frame);
  });
  const [left, right] = $('stage').querySelectorAll('img');
  put($('stage'), left, VIEW.panels[$('wipe-left').value], at);
  put($('stage'), right, VIEW.panels[$('wipe-right').value], at);
  showHistory(entry);
  pan(0, 0);
}

// The address of a picture: embedded in this page, or a file in the work directory.
function address(picture) {
  return typeof picture === 'number' ? `data:image/png;base64,${$(`picture-${picture}`).textContent}` : picture;
}

function put(view, image, shown, at) {
  const picture = shown.pictures[at];
  view.classList.toggle('empty', picture === null);
  view.dataset.note = shown.note;
  if (picture === null) return;
  image.alt = `${shown.name}, frame ${currentEntry().frames[at]}`;
  image.onload = () => view.style.setProperty('--ratio', image.naturalWidth / image.naturalHeight);
  image.onerror = () => {
    view.classList.add('empty');
    view.dataset.note = 'not beside this page';
  };
  image.src = address(picture);
}

function scoreOf(shown, entry, frame) {
  if (shown.trial === null) return '';
  const values = curve(DATA.quantities[0], DATA.sets[entry.set], entry.video, shown.trial);
  return values ? `${values[frame].toFixed(2)} dB` : '';
}

function showHistory(entry) {
  const set = DATA.sets[entry.set];
  const lines = VIEW.panels
    .filter((shown) => shown.trial !== null)
    .map((shown) => ({ shown, values: curve(DATA.quantities[0], set, entry.video, shown.trial) }))
    .filter(({ values }) => values)
    .map(({ shown, values }) => {
      const { color, dash } = DATA.methods[shown.method];
      return { values, color: colorOf(color), dash };
    });
  VIEW.history.show(lines, set.videos[entry.video].frames, DATA.quantities[0].label, [entry.frames[$('frame').value]]);
}

function setWipe(percent) {
  const inside = Math.min(Math.max(percent, 0), 100);
  $('wipe').value = inside;
  $('stage').style.setProperty('--wipe', `${inside}%`);
}

// Move the enlarged part of all pictures by shares of their size.
function pan(dx, dy) {
  const zoom = Number($('zoom').value);
  // A change of zoom keeps the middle where it is.
  const placed = (at, by) => 0.5 - ((0.5 - at - by) * zoom) / VIEW.zoom;
  VIEW.x = Math.min(Math.max(placed(VIEW.x, dx), 1 - zoom), 0);
  VIEW.y = Math.min(Math.max(placed(VIEW.y, dy), 1 - zoom), 0);
  VIEW.zoom = zoom;
  const { style } = $('viewer');
  style.setProperty('--zoom', zoom);
  style.setProperty('--x', VIEW.x);
  style.setProperty('--y', VIEW.y);
  document.querySelector('[for="zoom"]').textContent = `${zoom}×`;
}

function drag(target, move, press = () => {}) {
  target.addEventListener('pointerdown', (event) => {
    target.setPointerCapture(event.pointerId);
    press(event);
    move(event);
  });
  target.addEventListener('pointermove', (event) => {
    if (target.hasPointerCapture(event.pointerId)) move(event);
  });
}
