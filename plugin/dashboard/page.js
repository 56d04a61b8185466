
'use strict';
(() => {
  const list = document.getElementById('documents');
  const rows = [...list.querySelectorAll('.document')];
  const filters = document.getElementById('filters');
  const shown = document.getElementById('shown');
  const unfold = document.getElementById('unfold');
  const names = ['q', 'severity', 'service', 'type', 'state', 'sort'];
  const field = Object.fromEntries(names.map((name) => [name, document.getElementById(name)]));

  // Ages and targets are those of the reader's day, whenever the page was written.
  const now = new Date();
  const today = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => String(n).padStart(2, '0')).join('-');
  const days = (date) => Math.max(0, Math.round((Date.parse(today) - Date.parse(date)) / 864e5));
  for (const time of document.querySelectorAll('time[data-age]')) {
    const n = days(time.dateTime);
    time.textContent = n === 0 ? 'today' : n === 1 ? '1 day' : n < 730 ? n + ' days' : (n / 365.25).toFixed(1) + ' years';
  }
  const late = [...list.querySelectorAll('[data-target]')].filter((element) => element.dataset.target < today);
  for (const element of late) (element.classList.contains('document') ? element.querySelector('.age') : element).classList.add('late');
  const sum = document.getElementById('late');
  sum.textContent = late.filter((element) => !element.classList.contains('document')).length;
  sum.parentElement.classList.toggle('late', sum.textContent !== '0');

  // What is known of a document is read when it is first asked for.
  const fold = (text) => text.toLowerCase().normalize('NFKC');
  const open = ['person', 'approval', 'proposed', 'automatic'];
  const known = new Map();
  const read = (row) => {
    let its = known.get(row);
    if (its === undefined) {
      const badge = row.querySelector('.badge');
      const [date, , title] = row.querySelector('summary').children;
      its = {
        severity: badge === null ? '' : badge.textContent, services: [...title.children].map((one) => one.textContent),
        head: fold([date.textContent, badge === null ? '' : badge.textContent, title.textContent].join(' ')), text: fold(row.textContent),
      };
      known.set(row, its);
    }
    return its;
  };
  const itemsOf = (row) => read(row).items ||= [...row.querySelectorAll('ul > li')].map((element) => ({
    element, state: element.classList[0], late: element.classList.contains('late'), type: element.children[2].textContent, text: fold(element.textContent),
  }));
  const inState = (item, state) => state === '' || item.state === state || (state === 'open' && open.includes(item.state)) || (state === 'late' && item.late);

  const keys = {
    '': (row) => row.querySelector('.date').textContent, oldest: (row) => row.querySelector('.date').textContent,
    severity: (row) => read(row).severity && row.dataset.rank + ' ' + read(row).severity,
    open: (row) => (row.querySelector('.title + span b') || { textContent: '' }).textContent.padStart(6, '0'), age: (row) => row.dataset.oldest || '',
  };
  const sort = (by) => {
    const place = new Map(rows.map((row) => [row, keys[by](row).replace('no date', '')]));
    const sign = ['oldest', 'severity', 'age'].includes(by) ? 1 : -1;
    rows.sort((a, b) => {
      const x = place.get(a), y = place.get(b);
      return x === '' || y === '' ? (x === '') - (y === '') : sign * ((x > y) - (x < y)); // what has no value comes last
    });
    list.append(...rows);
  };

  const few = 20; // so many matching documents are opened by themselves
  const opened = new Set(); // of those
  const narrowed = new Set(); // documents of which not every item is shown
  let sorted = '';
  const narrow = (row, wanted, words, byItem) => {
    const { head } = read(row);
    if (!byItem && words.every((word) => head.includes(word))) return -1;
    let hits = 0;
    for (const item of itemsOf(row)) {
      const hit = inState(item, wanted.state) && (wanted.type === '' || item.type === wanted.type) && words.every((word) => head.includes(word) || item.text.includes(word));
      item.element.hidden = !hit;
      if (hit) hits++;
    }
    narrowed.add(row);
    return hits;
  };
  const filter = () => {
    const wanted = Object.fromEntries(names.map((name) => [name, field[name].value]));
    const words = fold(wanted.q).split(/\s+/).filter(Boolean);
    const byItem = wanted.type !== '' || wanted.state !== '';
    for (const row of narrowed) for (const item of itemsOf(row)) item.element.hidden = false;
    narrowed.clear();
    let matching = rows.filter((row) => (wanted.severity === '' || read(row).severity === wanted.severity) &&
      (wanted.service === '' || read(row).services.includes(wanted.service)) && words.every((word) => read(row).text.includes(word)));
    let items = 0;
    // Of many documents that hold the words, nobody looks at which items do.
    if (byItem || (words.length > 0 && matching.length <= 10 * few)) {
      matching = matching.filter((row) => {
        const hits = narrow(row, wanted, words, byItem);
        items += Math.max(0, hits);
        return hits !== 0;
      });
    }
    const fit = new Set(matching);
    for (const row of rows) row.hidden = !fit.has(row);
    for (const row of opened) row.querySelector('details').open = false;
    opened.clear();
    if (matching.length <= few && (byItem || words.length > 0)) {
      for (const row of matching) {
        const details = row.querySelector('details');
        if (!details.open) opened.add(row);
        details.open = true;
      }
    }
    if (sorted !== wanted.sort) sort(sorted = wanted.sort);
    shown.textContent = matching.length === 0 ? 'No post-mortem matches' :
      matching.length + ' of ' + rows.length + (rows.length === 1 ? ' post-mortem' : ' post-mortems') + (byItem ? ', ' + items + (items === 1 ? ' item' : ' items') : '');
    const state = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== ''));
    history.replaceState(null, '', state.size === 0 ? location.pathname + location.search : '#' + state);
  };
  const restore = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const name of names) {
      field[name].value = state.get(name) || '';
      if (field[name].selectedIndex === -1) field[name].selectedIndex = 0; // there is no such choice any more
    }
    filter();
  };
  unfold.addEventListener('click', () => {
    const open = unfold.textContent === 'Open all';
    opened.clear();
    for (const row of rows) if (!row.hidden) row.querySelector('details').open = open;
    unfold.textContent = open ? 'Close all' : 'Open all';
  });
  filters.addEventListener('input', filter);
  filters.addEventListener('reset', () => setTimeout(filter));
  filters.addEventListener('submit', (event) => event.preventDefault());
  addEventListener('hashchange', () => { if (!location.hash.startsWith('#reason-')) restore(); });
  filters.hidden = rows.length === 0;
  if (location.hash.includes('=')) restore(); else shown.textContent = rows.length + (rows.length === 1 ? ' post-mortem' : ' post-mortems');
})();
