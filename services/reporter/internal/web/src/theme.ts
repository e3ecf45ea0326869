// Runs before the page is drawn, so that a chosen theme does not flash. Without a choice the
// system's preference holds, by the stylesheet alone.
try {
  const theme = localStorage.getItem("landfall-theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // Storage may be forbidden: then the system's preference holds.
}
