import { Icon } from "../shared/icons.tsx";
import { known, number, t } from "../shared/i18n.ts";
import type { AgentLine, FloorState } from "../shared/model.ts";
import { duration } from "../shared/time.ts";

/** Who does what, and for how long. */
export function Agents({ groups, at }: { groups: readonly { state: FloorState; agents: AgentLine[] }[]; at: number }) {
  return (
    <section class="agents" aria-labelledby="agents-title">
      <h2 id="agents-title">{t("wallboard.agents")}</h2>
      <ul class="floor">
        {groups.map(({ state, agents }) => (
          <li key={state} class="floor-state" data-state={state}>
            <h3>
              <span class="dot" aria-hidden="true" /> {t(`floor.${state}`)} <b class="timer">{number(agents.length)}</b>
            </h3>
            {state !== "logged_out" && agents.length > 0 && (
              <ul>
                {agents.map((agent) => (
                  <Agent key={agent.id} agent={agent} at={at} />
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Agent({ agent, at }: { agent: AgentLine; at: number }) {
  return (
    <li class="agent">
      <span class="agent-name">{agent.display_name}</span>
      <span class="agent-what">
        {agent.state === "not_ready" && agent.reason !== null && known("not_ready", agent.reason)}
        {agent.work.map((work, nth) => (
          <span key={nth} title={t(`phase.${work.phase}`)}>
            <Icon name={work.channel} />
            <span class="hidden">{t(`channel.${work.channel}`)}</span>
          </span>
        ))}
      </span>
      <span class="timer">{duration(at - agent.since)}</span>
    </li>
  );
}
