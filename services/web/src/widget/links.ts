// Finds web addresses in a text. What comes out is shown as text nodes and anchors; nothing is ever read as markup.

export type Part = { text: string } | { text: string; href: string };

const CANDIDATE = /\bhttps?:\/\/[^\s<>"'`，。；！？、（）【】《》]+/giu;

/** Splits a text into plain parts and http(s) links. */
export function withLinks(text: string): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    // Punctuation at the end belongs to the sentence, not to the address.
    const shown = match[0].replace(/[.,;:!?)\]}]+$/u, "");
    const href = allowed(shown);
    if (href === null) continue;
    if (match.index > done) parts.push({ text: text.slice(done, match.index) });
    parts.push({ text: shown, href });
    done = match.index + shown.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

function allowed(address: string): string | null {
  try {
    const url = new URL(address);
    // A name before an @ is how false addresses are dressed up.
    const plain = url.username === "" && url.password === "";
    return plain && (url.protocol === "https:" || url.protocol === "http:") ? url.href : null;
  } catch {
    return null;
  }
}
