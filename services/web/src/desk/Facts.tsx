import { now } from "../shared/clock.ts";
import { known, region, t } from "../shared/i18n.ts";
import type { DepartmentFact } from "../shared/model.ts";
import { age, exactTime } from "../shared/time.ts";
import { byDepartment, factText } from "./known.ts";

/** What the departments' systems know, with where it is from and how old it is. */
export function Facts({ facts }: { facts: readonly DepartmentFact[] }) {
  if (facts.length === 0) return null;
  return (
    <section class="card facts" aria-labelledby="facts-title">
      <h3 id="facts-title">{t("facts.title")}</h3>
      {byDepartment(facts).map(([department, own]) => (
        <div key={department}>
          <h4>{known("department", department)}</h4>
          <dl>
            {own.map((fact) => (
              <div key={fact.key}>
                <dt>{known("fact", fact.key)}</dt>
                <dd>
                  <b>{factText(fact)}</b>{" "}
                  <span class="muted small" title={exactTime(fact.as_of, region.value)}>
                    {fact.source !== null && `${fact.source} · `}
                    {age(fact.as_of, now.value, region.value)}
                  </span>
                </dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </section>
  );
}
