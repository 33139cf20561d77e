// Data of the page, its filters, and the colours. All files share one scope (see page.py).
const $ = (id) => document.getElementById(id);
const DATA = JSON.parse($('data').textContent);
const MISSING = 65535; // encodes a missing value in the curves

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function fill(select, entries, keep = select.value) {
  select.replaceChildren(...entries.map(([value, label]) => new Option(label, value)));
  if (entries.some(([value]) => String(value) === keep)) select.value = keep;
}

// --- curves: zlib of two planes (low, high bytes) of differences between frames ---------------

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function loadCurves() {
  for (const quantity of DATA.quantities) {
    const planes = await inflate($(`curves-${quantity.key}`).textContent);
    const count = planes.length / 2;
    quantity.steps = new Uint16Array(count);
    for (let i = 0; i < count; i++) quantity.steps[i] = planes[i] | (planes[count + i] << 8);
  }
  // Where the curve of a trial starts: sets, then videos, then the trials that have scores of the set.
  let at = 0;
  for (const set of DATA.sets) {
    set.offsets = set.videos.map((video) => {
      const offsets = new Map();
      for (const trial of set.trials) {
        offsets.set(trial, at);
        at += video.frames;
      }
      return offsets;
    });
  }
}

// Values of one trial on one video, NaN where there are none; null if the trial has no scores.
function curve(quantity, set, video, trial) {
  const start = set.offsets[video].get(trial);
  if (start === undefined) return null;
  const { steps, low, step } = quantity;
  const values = new Float32Array(set.videos[video].frames);
  let number = 0;
  for (let i = 0; i < values.length; i++) {
    number = (number + steps[start + i]) & 0xffff;
    values[i] = number === MISSING ? NaN : low + number * step;
  }
  return values;
}

// --- the filters at the top ------------------------------------------------------------------

// hidden has the methods that are not shown; changed has the functions to call after a change.
const FILTERS = { words: [], network: '', trainSet: '', hidden: new Set(), changed: [] };

// Untrained references belong to every network and training set.
function isListed(method) {
  return (
    (!FILTERS.network || !method.train || method.network === FILTERS.network) &&
    (!FILTERS.trainSet || !method.train || method.train === FILTERS.trainSet)
  );
}

const isShown = (method) => isListed(method) && !FILTERS.hidden.has(method);

function hide(methods, hidden) {
  for (const method of methods) {
    if (hidden) FILTERS.hidden.add(method);
    else FILTERS.hidden.delete(method);
  }
  for (const react of FILTERS.changed) react();
}

// Initially only the first group (a network on a training set), because lines of one strategy look
// the same in all groups; of it, the methods that the figures show too.
function showFirstGroup() {
  const first = DATA.methods.find((method) => method.group && isListed(method))?.group;
  FILTERS.hidden = new Set(DATA.methods.filter((method) => !method.drawn || (method.group && method.group !== first)));
}

function changeFilters() {
  const words = $('filter').value.toLowerCase().match(/-?"[^"]*"|\S+/g) || [];
  FILTERS.words = words.map((word) => word.replaceAll('"', '')).filter((word) => word && word !== '-');
  for (const react of FILTERS.changed) react();
}

function startFilters() {
  const trained = DATA.methods.filter((method) => method.train);
  for (const [id, key, label] of [['network', 'network', 'networkLabel'], ['train-set', 'train', 'trainLabel']]) {
    const entries = new Map(trained.map((method) => [method[key], method[label]]));
    fill($(id), [['', 'all'], ...entries]);
    $(id).closest('label').hidden = entries.size < 2;
    $(id).addEventListener('change', () => {
      FILTERS[id === 'network' ? 'network' : 'trainSet'] = $(id).value;
      showFirstGroup();
      changeFilters();
    });
  }
  $('filter').addEventListener('input', changeFilters);
  showFirstGroup();
}

// --- colours ---------------------------------------------------------------------------------

function luminance([r, g, b]) {
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

const isDark = () => getComputedStyle(document.documentElement).colorScheme === 'dark';

// A method's colour; on a dark page it is mixed with white up to a contrast of 3.
function colorOf(hex) {
  let color = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  while (isDark() && luminance(color) < 0.14) color = color.map((c) => c + 0.08 * (1 - c));
  return `rgb(${color.map((c) => Math.round(255 * c)).join(' ')})`;
}

const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function startTheme() {
  const media = matchMedia('(prefers-color-scheme: dark)');
  const repaint = () => FILTERS.changed.forEach((react) => react());
  media.addEventListener('change', repaint);
  $('theme').addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    repaint();
  });
}
