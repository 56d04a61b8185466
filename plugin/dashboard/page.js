
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
  const isLate = (element) => element.dataset.target < today;

  // What is known of a document is read when it is first asked for. Its items are
  // text that the browser has not read as markup: without a script it would.
  const fold = (text) => text.toLowerCase().normalize('NFKC');
  const named = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };
  const plain = (markup) => markup.replace(/<[^>]*>/g, ' ').replace(/&(?:#(\d+)|[a-z]+);/g, (all, code) => (code ? String.fromCodePoint(code) : named[all]));
  const open = ['person', 'approval', 'proposed', 'automatic'];
  const known = new Map();
  const read = (row) => {
    let its = known.get(row);
    if (its === undefined) {
      const badge = row.querySelector('.badge'), source = row.querySelector('noscript');
      const [date, , title] = row.querySelector('summary').children;
      its = {
        severity: badge === null ? '' : badge.textContent, services: [...title.children].map((one) => one.textContent),
        head: fold([date.textContent, badge === null ? '' : badge.textContent, title.textContent].join(' ')),
        markup: source === null ? '' : source.textContent,
      };
      known.set(row, its);
    }
    return its;
  };
  const itemsOf = (row) => read(row).items ||= Array.from(
    read(row).markup.matchAll(/<li class="([a-z]+)[^>]*?(?: data-target="([^"]*)")?><b>[^<]*<\/b><i>[^<]*<\/i><i[^>]*>([^<]*)/g),
    ([, state, target, type]) => ({ state, late: target < today, type: plain(type) }),
  );
  const textsOf = (row) => read(row).texts ||= read(row).markup.split('</li>').map((one) => fold(plain(one)));
  const textOf = (row) => read(row).text ||= read(row).head + ' ' + textsOf(row).join(' ');
  // render lets the browser read the items of a document, and show of them what a
  // filter left.
  const render = (row) => {
    const its = read(row), source = row.querySelector('noscript');
    if (source !== null) {
      source.outerHTML = its.markup;
      its.elements = [...row.querySelectorAll('ul > li')];
      for (const element of its.elements) element.classList.toggle('late', isLate(element));
    }
    if (its.elements !== undefined) its.elements.forEach((element, i) => { element.hidden = its.hits !== undefined && !its.hits[i]; });
  };
  const rendered = (row) => read(row).elements !== undefined;

  let past = 0;
  for (const row of rows) {
    if (!isLate(row)) continue;
    row.querySelector('.age').classList.add('late');
    for (const item of itemsOf(row)) if (item.late) past++;
  }
  const sum = document.getElementById('late');
  sum.textContent = past;
  sum.parentElement.classList.toggle('late', past > 0);

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
    const its = read(row);
    its.hits = itemsOf(row).map((item, i) => inState(item, wanted.state) && (wanted.type === '' || item.type === wanted.type) &&
      words.every((word) => head.includes(word) || textsOf(row)[i].includes(word)));
    narrowed.add(row);
    return its.hits.filter(Boolean).length;
  };
  const filter = () => {
    const wanted = Object.fromEntries(names.map((name) => [name, field[name].value]));
    const words = fold(wanted.q).split(/\s+/).filter(Boolean);
    const byItem = wanted.type !== '' || wanted.state !== '';
    const before = [...narrowed];
    for (const row of before) delete read(row).hits;
    narrowed.clear();
    let matching = rows.filter((row) => (wanted.severity === '' || read(row).severity === wanted.severity) &&
      (wanted.service === '' || read(row).services.includes(wanted.service)) && words.every((word) => textOf(row).includes(word)));
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
    for (const row of rows) if (row.hidden === fit.has(row)) row.hidden = !row.hidden;
    for (const row of new Set([...before, ...narrowed])) if (rendered(row)) render(row);
    for (const row of opened) row.querySelector('details').open = false;
    opened.clear();
    if (matching.length <= few && (byItem || words.length > 0)) {
      for (const row of matching) {
        const details = row.querySelector('details');
        if (!details.open) opened.add(row);
        render(row);
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
    for (const row of rows) {
      if (row.hidden) continue;
      if (open) render(row);
      row.querySelector('details').open = open;
    }
    unfold.textContent = open ? 'Close all' : 'Open all';
  });
  // A key that opens a document clicks as well. The browser finds words of the items
  // and prints them where they are there: all of them while they are not too many.
  list.addEventListener('click', (event) => {
    const summary = event.target.closest('summary');
    if (summary !== null) render(summary.closest('.document'));
  });
  addEventListener('beforeprint', () => rows.forEach(render));
  if (rows.length <= 300) rows.forEach(render);
  filters.addEventListener('input', filter);
  filters.addEventListener('reset', () => setTimeout(filter));
  filters.addEventListener('submit', (event) => event.preventDefault());
  addEventListener('hashchange', () => { if (!location.hash.startsWith('#reason-')) restore(); });
  filters.hidden = rows.length === 0;
  if (location.hash.includes('=')) restore(); else shown.textContent = rows.length + (rows.length === 1 ? ' post-mortem' : ' post-mortems');
})();
