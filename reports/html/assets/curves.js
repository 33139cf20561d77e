// The section with the curves of all methods.

const CURVES = { chart: null, lines: [] }; // lines: one entry per method of the legend

function startCurves() {
  CURVES.chart = new Chart($('chart'), showValues);
  fill($('curve-set'), DATA.sets.map((set, i) => [i, set.label]));
  $('curve-set').value = DATA.focus;
  fill($('curve-quantity'), DATA.quantities.map((quantity, i) => [i, quantity.label]));
  $('curve-quantity').closest('label').hidden = DATA.quantities.length < 2;
  $('curve-set').addEventListener('change', () => {
    CURVES.chart.range = null;
    listVideos();
    showCurves();
  });
  for (const id of ['curve-video', 'curve-quantity', 'curve-smooth', 'curve-seeds']) {
    $(id).addEventListener('input', showCurves);
  }
  $('curve-reset').addEventListener('click', () => CURVES.chart.zoom(null));
  FILTERS.changed.push(showCurves);
  listVideos();
  showCurves();
}

function listVideos() {
  const { videos } = DATA.sets[$('curve-set').value];
  const mean = videos.length > 1 ? [['', `mean of ${videos.length} videos`]] : [];
  fill($('curve-video'), [...mean, ...videos.map((video, i) => [i, `${video.name} (${video.frames})`])], '');
}

function showCurves() {
  const set = DATA.sets[$('curve-set').value];
  const video = $('curve-video').value;
  const quantity = DATA.quantities[$('curve-quantity').value];
  const smooth = Number($('curve-smooth').value);
  document.querySelector('[for="curve-smooth"]').textContent = smooth ? `${2 * smooth + 1} frames` : 'off';
  const places = video === '' ? set.videos.map((_, i) => i) : [Number(video)];
  const frames = Math.max(...places.map((place) => set.videos[place].frames));
  CURVES.lines = DATA.methods.filter(isListed).map((method) => {
    const scored = method.trials.some((trial) => set.trials.includes(trial));
    if (!scored || !isShown(method)) return { method, scored, line: null };
    const seeds = method.trials
      .map((trial) => meanOverVideos(quantity, set, places, trial, frames))
      .filter(Boolean);
    return { method, scored, line: summary(seeds, smooth, $('curve-seeds').checked) };
  });
  CURVES.chart.show(
    drawn().map(({ method, line }) => ({ ...line, color: colorOf(method.color), dash: method.dash })),
    frames, quantity.label);
  listMethods();
}

const drawn = () => CURVES.lines.filter(({ line }) => line);

function meanOverVideos(quantity, set, places, trial, frames) {
  const curves = places.map((place) => curve(quantity, set, place, trial)).filter(Boolean);
  if (curves.length < 2) return curves[0] || null;
  const mean = new Float32Array(frames).fill(NaN);
  for (let i = 0; i < frames; i++) {
    let sum = 0;
    let count = 0;
    for (const values of curves) {
      if (i < values.length && values[i] === values[i]) {
        sum += values[i];
        count += 1;
      }
    }
    if (count) mean[i] = sum / count;
  }
  return mean;
}

// Mean over seeds, smoothed, with the band of all seeds; or every seed separately.
function summary(seeds, smooth, each) {
  const of = (pick) => seeds[0].map((_, i) => pick(seeds.map((seed) => seed[i])));
  const mean = seeds.length > 1 ? of((values) => values.reduce((a, b) => a + b) / values.length) : seeds[0];
  const line = { values: movingAverage(mean, smooth), faint: smooth ? [mean] : [] };
  if (seeds.length > 1 && each) line.faint = seeds;
  else if (seeds.length > 1) {
    line.low = of((values) => Math.min(...values));
    line.high = of((values) => Math.max(...values));
  }
  return line;
}

function movingAverage(values, reach) {
  if (!reach) return values;
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - reach), i + reach + 1).filter((v) => v === v);
    return part.length ? part.reduce((a, b) => a + b) / part.length : NaN;
  });
}

function listMethods() {
  const legend = $('legend');
  legend.replaceChildren();
  let group = '';
  for (const { method, scored, line } of CURVES.lines) {
    if (method.group !== group) legend.append(groupHeading(method.group));
    group = method.group;
    const button = element('button', { type: 'button', disabled: !scored });
    button.innerHTML = swatch(method);
    const note = scored ? '' : method.note;
    button.append(method.name, element('span', { className: 'value', textContent: note }));
    button.setAttribute('aria-pressed', String(isShown(method)));
    button.addEventListener('click', () => hide([method], isShown(method)));
    const place = line ? drawn().findIndex((entry) => entry.line === line) : null;
    for (const event of ['pointerenter', 'focus']) button.addEventListener(event, () => CURVES.chart.highlight(place));
    for (const event of ['pointerleave', 'blur']) button.addEventListener(event, () => CURVES.chart.highlight(null));
    legend.append(button);
  }
  showValues(CURVES.chart.cursor);
}

function groupHeading(group) {
  const members = DATA.methods.filter((method) => method.group === group && isListed(method));
  const anyShown = members.some(isShown);
  const button = element('button', { type: 'button', textContent: group });
  button.setAttribute('aria-pressed', String(anyShown));
  button.addEventListener('click', () => hide(members, anyShown));
  return element('h3', {}, button);
}

function swatch(method) {
  const dash = method.dash.length ? `stroke-dasharray="${method.dash}"` : '';
  return `<svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5"
    stroke="${colorOf(method.color)}" stroke-width="2.2" ${dash}/></svg>`;
}

// Writes the value at the cursor next to each name.
function showValues(frame) {
  const { digits } = DATA.quantities[$('curve-quantity').value];
  const places = document.querySelectorAll('#legend .value');
  CURVES.lines.forEach(({ line }, i) => {
    if (!line) return;
    const value = frame === null ? NaN : line.values[frame];
    places[i].textContent = Number.isFinite(value) ? value.toFixed(digits) : '';
  });
}
