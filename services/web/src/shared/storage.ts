// Browser storage that may be forbidden or full: then a choice lasts as long as the page.

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

export interface Shelf {
  get(name: string): string | null;
  set(name: string, value: string | null): void;
}

function shelf(storage: () => Storage): Shelf {
  const memory = new Map<string, string>();
  return {
    get: (name) => attempt(() => storage().getItem(`rapport.${name}`)) ?? memory.get(name) ?? null,
    set: (name, value) => {
      if (value === null) {
        memory.delete(name);
        attempt(() => storage().removeItem(`rapport.${name}`));
      } else {
        memory.set(name, value);
        attempt(() => storage().setItem(`rapport.${name}`, value));
      }
    },
  };
}

/** Choices of this person on this machine: language, theme, sound. */
export const choices = shelf(() => localStorage);
/** Unfinished work of this tab; emptied at log-out because it holds customers' data. */
export const unfinished = shelf(() => sessionStorage);
