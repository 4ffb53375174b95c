import { render } from "preact";
import { startClock } from "../shared/clock.ts";
import { startLocale } from "../shared/i18n.ts";
import { startTheme } from "../shared/theme.ts";
import "../shared/base.css";
import "./wallboard.css";
import { Wall } from "./Wall.tsx";
import { start } from "./store.ts";

startTheme();
startLocale();
startClock();
const root = document.getElementById("app");
if (root !== null) render(<Wall />, root);
start().catch(() => {}); // Not logged in: the page is already on its way to the log-in.
