// Keys of all pages: "/" goes to the search, "j" and "k" to the next and the one before in a list of work or calls.
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, select, textarea');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') {
    document.getElementById('search')?.focus();
    event.preventDefault();
  }
  if (event.key === 'j' || event.key === 'k') {
    const rows = [...document.querySelectorAll('.follow-up a, table.calls tbody tr td:first-child a')];
    const at = rows.indexOf(document.activeElement);
    rows[event.key === 'j' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)]?.focus();
  }
});
