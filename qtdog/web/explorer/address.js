// The page's address carries its state, by the same parameters as the page with a server.

/**
 * What the address says, as far as `known` allows: for each name a test of its value.
 * @param {Record<string, (value: string) => boolean>} known
 * @returns {{said: Map<string, string>, wrong: string[]}}
 */
export function readAddress(known) {
  const said = new Map(), wrong = [];
  for (const [name, value] of new URL(location.href).searchParams) {
    if (!Object.hasOwn(known, name)) continue;
    if (value.length <= 200 && known[name](value)) said.set(name, value);
    else wrong.push(`${name}=${value.slice(0, 40)}`);
  }
  return { said, wrong };
}

/**
 * Write the state: a value that is usual is left out.
 * @param {Record<string, [string, string]>} values value and usual value, by name
 */
export function writeAddress(values) {
  const address = new URL(location.href);
  for (const [name, [value, usual]] of Object.entries(values)) {
    if (value === usual) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", address);
}
