import { render } from "preact";
import { startClock } from "../shared/clock.ts";
import { startLocale } from "../shared/i18n.ts";
import { startTheme } from "../shared/theme.ts";
import "../shared/base.css";
import "../shared/page.css";
import "./policy.css";
import { Page } from "./Page.tsx";
import { start } from "./store.ts";

startTheme();
startLocale();
startClock();
const root = document.getElementById("app");
if (root !== null) render(<Page />, root);
void start();
