// Addresses in what people write become links, but only http and https: everything else stays text, whatever it looks like.

export type Piece = { text: string; href: string | null };

const CANDIDATE = /https?:\/\/[^\s<>"'“”‘’，。；！？（）【】《》]+/giu;
const TRAILING = /[.,;:!?)\]}]+$/u;

function allowed(text: string): string | null {
  try {
    const url = new URL(text);
    // A user name before the host is how one address is dressed up as another.
    const plain = (url.protocol === "https:" || url.protocol === "http:") && url.username === "" && url.password === "";
    return plain ? url.href : null;
  } catch {
    return null;
  }
}

/** Splits a text into plain pieces and links; joined, the pieces are the text. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const address = match[0].replace(TRAILING, "");
    const href = allowed(address);
    if (href === null) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index), href: null });
    found.push({ text: address, href });
    from = match.index + address.length;
  }
  if (from < text.length) found.push({ text: text.slice(from), href: null });
  return found;
}
