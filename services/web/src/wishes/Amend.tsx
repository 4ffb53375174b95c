import { useEffect, useRef, useState } from "preact/hooks";
import { hubTime } from "../shared/clock.ts";
import { Icon } from "../shared/icons.tsx";
import { type Key, known, t } from "../shared/i18n.ts";
import type { Channel } from "../shared/model.ts";
import { type FieldName, type Form, change, formOf, sooner, toggled, wrongs } from "./amendment.ts";
import type { Wish } from "./model.ts";
import { amend, amending, busy } from "./store.ts";

const CHANNELS: readonly Channel[] = ["voice", "chat", "sms", "email"];
const TEXTS = ["talking_point", "message", "script", "evidence"] as const;

/** A wish as its department may still want it; only what is different is sent. */
export function Amend({ wish }: { wish: Wish }) {
  const [before] = useState(() => formOf(wish));
  const [form, setForm] = useState(before);
  const [errors, setErrors] = useState<Partial<Record<FieldName, string>>>({});
  const root = useRef<HTMLFormElement>(null);
  const focus = (name: string) => root.current?.querySelector<HTMLElement>(`[name="${name}"]`)?.focus();
  useEffect(() => focus("talking_point"), []);
  const body = change(before, form);
  const same = Object.keys(body).length === 0;
  const write = (part: Partial<Form>) => {
    setErrors({});
    setForm({ ...form, ...part });
  };
  const stop = () => (amending.value = false);
  const submit = (event: Event) => {
    event.preventDefault();
    if (same) return;
    const found = Object.entries(wrongs(form, hubTime()));
    setErrors(Object.fromEntries(found.map(([name, what]) => [name, t(`wishes.wrong.${what}` as Key)])));
    const first = found[0];
    if (first !== undefined) return void focus(first[0]);
    void amend(wish.id, body, (field, text) => {
      if (!(field in form)) return false;
      setErrors({ [field]: text });
      focus(field);
      return true;
    });
  };
  const common = (name: FieldName) => ({
    name,
    "aria-invalid": errors[name] !== undefined,
    "aria-describedby": errors[name] === undefined ? undefined : `error-${name}`,
  });
  const label = (name: FieldName) => (
    <span>
      {t(`wishes.field.${name}`)}
    </span>
  );
  const error = (name: FieldName) =>
    errors[name] !== undefined && (
      <span id={`error-${name}`} class="hint failure">
        {errors[name]}
      </span>
    );
  return (
    <form
      ref={root}
      class="amend"
      noValidate
      aria-label={t("wishes.amend")}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === "Escape" && same) stop();
      }}
    >
      {TEXTS.map((name) => (
        <label key={name} class="field">
          {label(name)}
          <textarea {...common(name)} rows={2} value={form[name]} onInput={(event) => write({ [name]: event.currentTarget.value })} />
          {error(name)}
        </label>
      ))}
      <div class="amend-grid">
        {(["value", "propensity", "expected_seconds"] as const).map((name) => (
          <label key={name} class="field">
            {label(name)}
            <input {...common(name)} inputMode="decimal" autocomplete="off" value={form[name]} onInput={(event) => write({ [name]: event.currentTarget.value })} />
            {error(name)}
          </label>
        ))}
        {(["not_before", "expires_at"] as const).map((name) => (
          <label key={name} class="field">
            {label(name)}
            <input {...common(name)} type="datetime-local" value={form[name]} onInput={(event) => write({ [name]: event.currentTarget.value })} />
            {error(name)}
          </label>
        ))}
      </div>
      <fieldset aria-describedby={errors.channels === undefined ? "channels-hint" : "channels-hint error-channels"}>
        <legend>{t("wishes.field.channels")}</legend>
        <div class="choices-row">
          {[...form.channels, ...CHANNELS.filter((channel) => !form.channels.includes(channel))].map((channel) => (
            <span key={channel} class="choice">
              <label class="choice">
                <input type="checkbox" name="channels" checked={form.channels.includes(channel)} onChange={() => write({ channels: toggled(form.channels, channel) })} />
                {known("channel", channel)}
              </label>
              {form.channels.indexOf(channel) > 0 && (
                <button
                  type="button"
                  class="quiet square sooner"
                  aria-label={t("wishes.sooner", { channel: known("channel", channel) })}
                  title={t("wishes.sooner", { channel: known("channel", channel) })}
                  onClick={() => write({ channels: sooner(form.channels, channel) })}
                >
                  <Icon name="down" />
                </button>
              )}
            </span>
          ))}
        </div>
        <span id="channels-hint" class="hint">
          {t("wishes.channels_hint")}
        </span>
        {error("channels")}
      </fieldset>
      <label class="choice">
        <input type="checkbox" checked={form.bundle} onChange={() => write({ bundle: !form.bundle })} />
        {t("wishes.field.bundle")}
      </label>
      <div class="actions">
        <button type="button" onClick={stop}>
          {t("policy.cancel")}
        </button>
        <span class="spring" />
        {same && <span class="hint">{t("wishes.unchanged")}</span>}
        <button type="submit" class="primary" aria-disabled={busy.value || same}>
          {t("wishes.save")}
        </button>
      </div>
    </form>
  );
}
