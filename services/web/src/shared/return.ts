// Where to go after log-in. Only our own pages: an address from a link must never lead elsewhere.

const PAGES = ["/wallboard", "/policy", "/wishes"];

export function safeReturn(search: string): string | null {
  const asked = new URLSearchParams(search).get("return");
  return PAGES.find((page) => page === asked) ?? null;
}
