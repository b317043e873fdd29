// Before anything is painted: the theme that was chosen here, if one was.
try {
  const chosen = localStorage.getItem("firsttoken-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser without storage follows the system.
}
