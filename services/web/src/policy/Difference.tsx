import { t } from "../shared/i18n.ts";
import type { QueueChoice, RuleKey, Rules } from "./model.ts";
import { differing } from "./rules.ts";
import { title, value } from "./words.ts";

interface Compared {
  keys: readonly RuleKey[];
  queues: readonly QueueChoice[];
  left: Rules;
  right: Rules;
  leftName: string;
  rightName: string;
  caption: string;
}

/** Two sets of rules side by side: what differs. */
export function Difference({ keys, queues, left, right, leftName, rightName, caption }: Compared) {
  const rows = differing(keys, left, right);
  if (rows.length === 0) return <p class="muted">{t("policy.no_difference")}</p>;
  return (
    <table class="difference">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{t("policy.rule")}</th>
          <th scope="col">{leftName}</th>
          <th scope="col">{rightName}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((key) => (
          <tr key={key.name}>
            <th scope="row">{title(key)}</th>
            <td data-name={leftName}>
              <del>{value(key, left[key.name], queues)}</del>
            </td>
            <td data-name={rightName}>
              <ins>{value(key, right[key.name], queues)}</ins>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
