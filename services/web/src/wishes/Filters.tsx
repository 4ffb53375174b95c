import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { known, t } from "../shared/i18n.ts";
import { type CustomerName, WISH_STATUSES, type WishStatus } from "../shared/model.ts";
import { personal } from "../shared/personal.ts";
import { candidates, everything, filter, findCustomer, narrow, take, words } from "./store.ts";

export const nameOf = ({ name }: Pick<CustomerName, "name">) => (name === null ? t("wishes.nameless") : personal(name));

/** What to look for: choices apply at once, a customer is looked up when it is sent. */
export function Filters() {
  const [text, setText] = useState("");
  const { status, purpose, department, customer } = filter.value;
  const narrowed = status !== null || purpose !== null || department !== null || customer !== null;
  const submit = (event: Event) => {
    event.preventDefault();
    void findCustomer(text);
  };
  return (
    <search class="card filters" aria-label={t("wishes.find")}>
      <form class="filter-row" onSubmit={submit}>
        <label class="field wide">
          <span>{t("wishes.customer")}</span>
          <span class="with-button">
            <input value={text} autocomplete="off" aria-describedby="customer-hint" onInput={(event) => setText(event.currentTarget.value)} />
            <button type="submit">{t("wishes.look_up")}</button>
          </span>
          <span id="customer-hint" class="hint">
            {t("wishes.customer_hint")}
          </span>
        </label>
        <Choice
          label={t("wishes.status")}
          value={status}
          options={WISH_STATUSES.map((one) => [one, known("wish_status", one)])}
          onChoose={(one) => narrow({ status: one as WishStatus | null })}
        />
        <Choice label={t("wishes.purpose")} value={purpose} options={words.value.purpose.map((one) => [one, known("purpose", one)])} onChoose={(one) => narrow({ purpose: one })} />
        <Choice
          label={t("wishes.department")}
          value={department}
          options={words.value.department.map((one) => [one, known("department", one)])}
          onChoose={(one) => narrow({ department: one })}
        />
      </form>
      {candidates.value.length > 0 && (
        <div role="group" aria-label={t("wishes.several")} class="candidates">
          <span>{t("wishes.several")}</span>
          {candidates.value.map((one) => (
            <button key={one.id} type="button" onClick={() => take(one)}>
              {nameOf(one)}
            </button>
          ))}
        </div>
      )}
      {narrowed && (
        <p class="narrowed">
          {customer !== null && (
            <span class="mark">
              {t("wishes.of_customer", { name: nameOf(customer) })}
            </span>
          )}
          <button
            type="button"
            class="quiet"
            onClick={() => {
              setText("");
              everything();
            }}
          >
            <Icon name="close" /> {t("wishes.everything")}
          </button>
        </p>
      )}
    </search>
  );
}

interface Choosing {
  label: string;
  value: string | null;
  options: readonly (readonly [string, string])[];
  onChoose: (value: string | null) => void;
}

function Choice({ label, value, options, onChoose }: Choosing) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value ?? ""} onChange={(event) => onChoose(event.currentTarget.value === "" ? null : event.currentTarget.value)}>
        <option value="">{t("wishes.any")}</option>
        {options.map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
