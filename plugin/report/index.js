
'use strict';
(() => {
  const table = document.querySelector('table');
  const body = table.tBodies[0];
  const rows = [...body.querySelectorAll('tr.document')];
  const headers = [...table.tHead.rows[0].cells];

  // Ages are those of the reader's day, whenever the page was written.
  const now = new Date();
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  for (const time of document.querySelectorAll('time[data-age]')) {
    const days = Math.max(0, Math.round((today - Date.parse(time.dateTime)) / 864e5));
    if (Number.isNaN(days)) continue;
    time.title = 'since ' + time.dateTime;
    time.textContent = days === 0 ? 'today' : days === 1 ? '1 day' : days < 730 ? days + ' days' : (days / 365.25).toFixed(1) + ' years';
    if (days > 90) time.classList.add('old');
  }

  const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  const sort = (header, direction) => {
    // Dates of the oldest item run against its age.
    const sign = (direction === 'ascending' ? 1 : -1) * (header.dataset.reverse === undefined ? 1 : -1);
    const value = (row) => row.cells[header.cellIndex].dataset.value;
    rows.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === '' || y === '') return (x === '') - (y === ''); // what has no value comes last, either way
      return sign * order.compare(x, y);
    });
    body.append(...rows);
    for (const other of headers) other.removeAttribute('aria-sort');
    header.setAttribute('aria-sort', direction);
  };
  for (const header of headers) {
    const button = header.querySelector('button');
    button.disabled = rows.length === 0;
    button.addEventListener('click', () => {
      const opposite = { ascending: 'descending', descending: 'ascending' };
      sort(header, opposite[header.getAttribute('aria-sort')] || header.dataset.first);
    });
  }

  const filters = document.getElementById('filters');
  const search = document.getElementById('search');
  const severity = document.getElementById('severity');
  const open = document.getElementById('open');
  const shown = document.getElementById('shown');
  const words = (text) => text.toLowerCase().normalize('NFKC').split(/\s+/).filter(Boolean);
  const texts = new Map(rows.map((row) => [row, [...row.cells].slice(0, 3).map((cell) => words(cell.textContent).join(' ')).join(' ')]));
  const severityOf = (row) => (row.querySelector('.badge') || { textContent: '' }).textContent;
  const filter = () => {
    const wanted = words(search.value);
    let count = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => texts.get(row).includes(word)) &&
        (severity.value === '' || severity.value === severityOf(row)) &&
        (!open.checked || row.dataset.open !== '0');
      row.hidden = !fits;
      if (fits) count++;
    }
    shown.textContent = count === 0 ? 'No post-mortem matches' : count + ' of ' + rows.length + ' shown';
  };
  filters.addEventListener('input', filter);
  filters.addEventListener('submit', (event) => event.preventDefault());
  filters.hidden = rows.length === 0;
  filter();
})();
