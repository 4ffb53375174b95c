// The program as a process, its log, and the HTTP interface; everything is ended by its id.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PROGRAM = process.env.RAPPORT_BIN ?? new URL("../../target/debug/rapport", import.meta.url).pathname;
const PATIENCE_MS = 20_000;

/** Asks until the answer is true. */
export async function until(what, ask, limit = PATIENCE_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Starts a hub with this configuration; `{data}` stands for its folder. */
export async function startHub(configuration) {
  const folder = await mkdtemp(join(tmpdir(), "rapport-browser-"));
  const data = join(folder, "data");
  const file = join(folder, "rapport.toml");
  await writeFile(file, configuration.replaceAll("{data}", data));
  const hub = spawn(PROGRAM, ["serve", "--json", "--config", file], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  hub.stderr.on("data", (text) => (errors += text));
  const lines = createInterface({ input: hub.stdout });
  const ready = await Promise.race([
    once(lines, "line").then(([line]) => JSON.parse(line)),
    once(hub, "exit").then(() => {
      throw new Error(`the hub did not start:\n${errors}`);
    }),
  ]);
  const events = [];
  const tail = spawn(PROGRAM, ["log", "tail", "--json", "--personal", "--follow", "--from", "0", "--data", data], { stdio: ["ignore", "pipe", "ignore"] });
  createInterface({ input: tail.stdout }).on("line", (line) => events.push(JSON.parse(line)));
  return {
    ready,
    events,
    errors: () => errors,
    of: (type) => events.filter((event) => event.type === type),
    event: (type, fits = () => true) => until(`an event ${type}`, () => events.find((event) => event.type === type && fits(event))),
    async stop() {
      for (const child of [tail, hub]) {
        if (child.exitCode !== null) continue;
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
