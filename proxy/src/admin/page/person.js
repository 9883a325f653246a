// Who sits before the page, as they call themselves, and how they like it.
// Where storage is forbidden nothing is remembered.

const read = (key) => {
  try {
    return localStorage.getItem(`cutline.${key}`);
  } catch {
    return null;
  }
};
const write = (key, value) => {
  try {
    if (value) localStorage.setItem(`cutline.${key}`, value);
    else localStorage.removeItem(`cutline.${key}`);
  } catch {
    // Then it holds for this page only.
  }
};

export const name = () => read("who") ?? "";
export const named = (who) => write("who", who.trim());

/** Single keys act as shortcuts, unless somebody turned that off. */
export const shortcuts = () => read("shortcuts") !== "off";
export const setShortcuts = (on) => write("shortcuts", on ? null : "off");

const THEMES = ["system", "dark", "light"];
export const theme = () => document.documentElement.dataset.theme ?? "system";
/** The next theme, put in place. */
export function turnTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  const chosen = next === "system" ? null : next;
  write("theme", chosen);
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  return next;
}
