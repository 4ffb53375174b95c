import type { AgentLine, FloorState, QueueLine, WallFrame } from "../shared/model.ts";

// What the wall shows, from what the hub says: the floor as it is, its sums, and what each number means.

export interface WallState {
  position: number | null;
  tenant: string;
  queues: readonly QueueLine[];
  agents: readonly AgentLine[];
}

export const NOTHING: WallState = { position: null, tenant: "", queues: [], agents: [] };

function put<Item extends { id: string }>(items: readonly Item[], item: Item): readonly Item[] {
  return items.some((known) => known.id === item.id)
    ? items.map((known) => (known.id === item.id ? item : known))
    : [...items, item];
}

export function apply(state: WallState, frame: WallFrame): WallState {
  switch (frame.t) {
    case "snapshot":
      return {
        position: frame.position,
        tenant: frame.tenant.display_name,
        queues: frame.queues,
        agents: frame.agents,
      };
    case "resumed":
      return { ...state, position: Math.max(state.position ?? 0, frame.position) };
    case "queue":
      return { ...state, position: frame.position, queues: put(state.queues, frame.queue) };
    case "agent":
      return { ...state, position: frame.position, agents: put(state.agents, frame.agent) };
    default:
      return state; // A frame of a newer hub.
  }
}

/** How a number stands to its target. */
export type Level = "good" | "near" | "bad" | "none";

/** Points under the target that are still near it. */
export const NEAR_POINTS = 10;
/** A wait of so many targets is bad; of more than one, near. */
export const BAD_TARGETS = 3;

export function serviceLevel(value: number | null, target: number): Level {
  if (value === null) return "none";
  if (value >= target) return "good";
  return value >= target - NEAR_POINTS ? "near" : "bad";
}

export function waitLevel(since: number | null, targetSeconds: number, at: number): Level {
  if (since === null) return "none";
  const seconds = (at - since) / 1000;
  if (seconds <= targetSeconds) return "good";
  return seconds <= targetSeconds * BAD_TARGETS ? "near" : "bad";
}

const GRAVITY: readonly Level[] = ["none", "good", "near", "bad"];

export function worst(levels: readonly Level[]): Level {
  return levels.reduce<Level>((so_far, level) => (GRAVITY.indexOf(level) > GRAVITY.indexOf(so_far) ? level : so_far), "none");
}

export interface Totals {
  waiting: number;
  longest: { since: number; level: Level } | null;
  offered: number;
  answered: number;
  abandoned: number;
  /** Percent of all offered that were answered within the target of their own queue. */
  service: number | null;
  /** What the targets of the queues ask for together: weighted by how much was offered. */
  target: number;
  asaSeconds: number | null;
}

/** Sums over the queues that customers wait in; what we start ourselves has no service level. */
export function totals(queues: readonly QueueLine[], at: number): Totals {
  const inbound = queues.filter((queue) => !queue.outbound);
  const sum = (of: (queue: QueueLine) => number) => inbound.reduce((so_far, queue) => so_far + of(queue), 0);
  const offered = sum((queue) => queue.offered);
  const answered = sum((queue) => queue.answered);
  const weight = (queue: QueueLine) => (offered === 0 ? 1 : queue.offered);
  const weights = sum(weight);
  const oldest = inbound
    .filter((queue) => queue.longest_since !== null)
    .sort((one, other) => (one.longest_since ?? 0) - (other.longest_since ?? 0))[0];
  return {
    waiting: sum((queue) => queue.waiting),
    longest:
      oldest?.longest_since == null
        ? null
        : {
            since: oldest.longest_since,
            level: worst(inbound.map((queue) => waitLevel(queue.longest_since, queue.target_seconds, at))),
          },
    offered,
    answered,
    abandoned: sum((queue) => queue.abandoned),
    service: offered === 0 ? null : (100 * sum((queue) => queue.answered_in_target)) / offered,
    target: weights === 0 ? 0 : sum((queue) => queue.service_level_target * weight(queue)) / weights,
    asaSeconds: answered === 0 ? null : sum((queue) => (queue.asa_seconds ?? 0) * queue.answered) / answered,
  };
}

export const FLOOR: readonly FloorState[] = ["ready", "offered", "busy", "wrap_up", "not_ready", "logged_out"];

/** Agents by state, longest in it first; who is not at work is only counted. */
export function byState(agents: readonly AgentLine[]): { state: FloorState; agents: AgentLine[] }[] {
  return FLOOR.map((state) => ({
    state,
    agents: agents.filter((agent) => agent.state === state).sort((one, other) => one.since - other.since),
  }));
}
