// Small drawings on a 16 x 16 grid, in the colour of the text beside them. They never carry a meaning alone.

const PATHS = {
  voice: "M4.2 2.2 6 2l1.3 3.2-1.5 1.2a8 8 0 0 0 3.8 3.8l1.2-1.5L14 10l-.2 1.8a2 2 0 0 1-2 1.8A9.6 9.6 0 0 1 2.4 4.2a2 2 0 0 1 1.8-2Z",
  chat: "M2.5 3h11v7.5H8L4.5 13.5v-3h-2Z",
  sms: "M4.5 1.5h7v13h-7ZM7 12.5h2",
  email: "M2 3.5h12v9H2Zm0 .5 6 5 6-5",
  plan: "M2.5 3.5h11v10h-11Zm0 3h11M5.5 2v3M10.5 2v3",
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6.5 8 10.5l4-4",
  incoming: "M12 4 5 11M5 6v5h5",
  outgoing: "M4 12l7-7M6 5h5v5",
  moon: "M13 9.7A5.6 5.6 0 0 1 6.3 3 5.6 5.6 0 1 0 13 9.7Z",
  sun: "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13",
  system: "M2 3h12v8H2ZM6 13.5h4",
  sound: "M3 6v4h2.5L9 13V3L5.5 6ZM11 5.5a3.5 3.5 0 0 1 0 5",
  silent: "M3 6v4h2.5L9 13V3L5.5 6ZM11 6.5l3 3M14 6.5l-3 3",
  keys: "M1.5 4h13v8h-13ZM4 6.5h.5M6.5 6.5H7M9 6.5h.5M11.5 6.5h.5M5 9.5h6",
  wide: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  alert: "M8 2 14.5 13.5h-13ZM8 6.5v3.5M8 11.6v.4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
