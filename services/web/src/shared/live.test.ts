import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "./backoff.ts";
import { type Line, LiveSocket, type Wire } from "./live.ts";

/** A network and a clock in the hand of the test. */
class World {
  wires: (Wire & { said: string[]; closed: boolean })[] = [];
  timers: { work: () => void; at: number; id: number }[] = [];
  time = 0;
  frames: unknown[] = [];
  lines: Line["state"][] = [];
  refused = 0;
  position: number | null = null;
  made = 0;

  socket = new LiveSocket<{ t: string }>(
    {
      connect: () => {
        const wire = {
          said: [] as string[], closed: false,
          send(text: string) { this.said.push(text); },
          close() { this.closed = true; },
          onopen: null, onmessage: null, onclose: null,
        };
        this.wires.push(wire);
        return wire;
      },
      now: () => this.time,
      random: () => 0.5,
      later: (work, ms) => {
        this.timers.push({ work, at: this.time + ms, id: ++this.made });
        return this.made;
      },
      cancel: (timer) => (this.timers = this.timers.filter((one) => one.id !== timer)),
    },
    {
      resume: () => this.position,
      frame: (frame) => this.frames.push(frame),
      line: (line) => this.lines.push(line.state),
      refused: () => (this.refused += 1),
    },
  );

  get wire() {
    const last = this.wires.at(-1);
    assert.ok(last);
    return last;
  }

  pass(ms: number): void {
    this.time += ms;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.work();
  }

  hear(frame: unknown): void {
    this.wire.onmessage?.({ data: JSON.stringify(frame) });
  }
}

test("the first word names the last position seen", () => {
  const world = new World();
  world.socket.start();
  world.wire.onopen?.();
  assert.deepEqual(world.wire.said, ['{"t":"hello","resume":null}']);
  world.hear({ t: "snapshot" });
  world.position = 42;
  world.wire.onclose?.();
  world.pass(500);
  world.wire.onopen?.();
  assert.equal(world.wires.length, 2);
  assert.deepEqual(world.wire.said, ['{"t":"hello","resume":42}']);
});

test("a ping is answered and not handed on", () => {
  const world = new World();
  world.socket.start();
  world.hear({ t: "ping" });
  assert.deepEqual(world.wire.said, ['{"t":"pong"}']);
  assert.deepEqual(world.frames, []);
});

test("a line that is silent for longer than a ping and a half is given up", () => {
  const world = new World();
  world.socket.start();
  world.hear({ t: "snapshot" });
  world.pass(39_000);
  world.hear({ t: "ping" });
  world.pass(39_000);
  assert.equal(world.wires[0]?.closed, false);
  world.pass(1_000);
  assert.equal(world.wires[0]?.closed, true);
  assert.equal(world.lines.at(-1), "waiting");
  assert.equal(world.refused, 0);
});

test("a line that breaks before it said anything asks whether the session is over", () => {
  const world = new World();
  world.socket.start();
  world.wire.onclose?.();
  assert.equal(world.refused, 1);
  assert.equal(world.lines.at(-1), "waiting");
});

test("a stopped line stays down", () => {
  const world = new World();
  world.socket.start();
  world.socket.stop();
  world.pass(120_000);
  world.socket.hurry();
  assert.equal(world.wires.length, 1);
  assert.equal(world.lines.at(-1), "closed");
});

test("what is not a frame is not handed on", () => {
  const world = new World();
  world.socket.start();
  world.wire.onmessage?.({ data: "{" });
  world.wire.onmessage?.({ data: "7" });
  world.wire.onmessage?.({ data: new ArrayBuffer(1) });
  assert.deepEqual(world.frames, []);
});

test("waiting grows to half a minute and is never shorter than half its step", () => {
  assert.deepEqual([0, 1, 2, 3].map((attempt) => backoff(attempt, 1)), [500, 1000, 2000, 4000]);
  assert.equal(backoff(99, 1), 30_000);
  assert.equal(backoff(99, 0), 15_000);
});
