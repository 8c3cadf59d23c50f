// Writes plugins for Ringback in JavaScript.
//
//   import { plugin } from "./.sdk/js/index.js";
//
//   export const handler = plugin({
//     callMissed(cx, missed) {
//       cx.callBack(missed.followUp.id);
//     },
//   });
//
// A handler may run more than once for one event. What it put into the state and what it asked for happen once;
// variables are a cache and may vanish. Names are those of wit/v1/plugin.wit in camelCase, `facts` and `options` are objects,
// moments are milliseconds since 1970 UTC (`moment(ms)` writes one), and what is not known is null.

import actions from "ringback:plugin/actions@1.0.0";
import calls from "ringback:plugin/calls@1.0.0";
import directory from "ringback:plugin/directory@1.0.0";
import env from "ringback:plugin/env@1.0.0";
import state from "ringback:plugin/state@1.0.0";

// Which method hears which kind, and which case of `about` belongs to it.
const METHODS = {
  "call-ended": ["callEnded", "call"],
  "call-missed": ["callMissed", "missed"],
  "call-revised": ["callRevised", "call"],
  "follow-up-opened": ["followUpOpened", "follow-up"],
  "follow-up-due": ["followUpDue", "follow-up"],
  "follow-up-settled": ["followUpSettled", "follow-up"],
  "limit-crossed": ["limitCrossed", "limit"],
  "limit-cleared": ["limitCleared", "limit"],
  "timer-due": ["timerDue", "timer"],
  "delivery-ended": ["deliveryEnded", "delivery"],
};

/** Makes the exported handler of an object with the methods above, and `other(cx, event)` for every other kind. */
export function plugin(methods) {
  const known = [...Object.values(METHODS).map(([name]) => name), "other"];
  for (const name of Object.keys(methods)) {
    if (!known.includes(name)) {
      throw new Error(`the plugin has a method ${name}, which hears nothing: there are ${known.join(", ")}`);
    }
  }
  return { handle: (events) => events.map((event, cause) => handled(methods, read(event), cause)) };
}

/** Answer with it to hear the event again after so many seconds: `return later(60)`. */
export function later(seconds) {
  return { tag: "later", val: seconds };
}

/** Answer with it if the event cannot be handled: `return failed("why")`. */
export function failed(why) {
  return { tag: "failed", val: String(why) };
}

/** A moment in RFC 3339 with milliseconds; null stays null. */
export function moment(ms) {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString();
}

// An exception answers `failed`, and its place goes to the log; only a limit in time is tried again.
function handled(methods, event, cause) {
  try {
    const [name, about] = METHODS[event.kind] ?? [];
    const cx = context(event, cause);
    const isKnown = name && methods[name] && event.about.tag === about;
    const answer = isKnown ? methods[name](cx, event.about.val) : methods.other?.(cx, event);
    if (answer?.tag === "failed") {
      env.log("error", answer.val);
    }
    return answer?.tag === "later" || answer?.tag === "failed" ? answer : { tag: "done" };
  } catch (thrown) {
    const refused = refusal(thrown);
    if (refused?.tag === "over-limit") {
      return later(refused.val);
    }
    if (refused) {
      env.log("error", refused.val);
      return failed(refused.val);
    }
    const why = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    const stack = String(thrown?.stack ?? "").trimEnd();
    env.log("error", stack ? `${why}\n${stack}` : why);
    return failed(why + place(stack));
  }
}

// What a function of the host refuses comes as an exception that carries it.
function refusal(thrown) {
  const refused = thrown?.payload ?? thrown;
  const texts = { "not-granted": refused?.val, invalid: refused?.val, "over-limit": refused?.val, "not-found": "not found" };
  const val = texts[refused?.tag];
  return val === undefined ? undefined : { tag: refused.tag, val };
}

// Where in the plugin itself: " (plugin.js:12:5)".
function place(stack) {
  const lines = stack.split("\n").filter((line) => !line.includes("/.sdk/"));
  const found = /\(?\/?([^\s()]+:\d+:\d+)\)?/.exec(lines[0] ?? "");
  return found ? ` (${found[1]})` : "";
}

// Null instead of an exception where there is no such thing.
function known(ask) {
  try {
    return ask();
  } catch (thrown) {
    if (refusal(thrown)?.tag === "not-found") {
      return null;
    }
    throw thrown;
  }
}

// The powers of a plugin while it handles one event.
function context(event, cause) {
  const json = (value) => JSON.stringify(value);
  return {
    event,
    now: event.now,
    /** The settings, with the manifest's defaults. */
    get settings() {
      return JSON.parse(env.settings());
    },
    /** Level: debug, info, warn, error. */
    log: (level, text) => env.log(level, String(text)),
    /** Who was rung, in order. */
    offers: () => calls.offers(cause),
    /** The columns that the PBX itself wrote; needs the grant `raw`. */
    raw: () => calls.raw(cause).map(Object.fromEntries),
    /** Durable, and kept only if the event is done. */
    state: {
      get: (key) => state.get(key),
      getText: (key) => text(state.get(key)),
      getJson: (key) => JSON.parse(text(state.get(key)) ?? "null"),
      keys: (prefix, after = null, max = 100) => state.keys(prefix, after, max),
      put: (key, bytes) => state.put(cause, key, bytes),
      putText: (key, value) => state.put(cause, key, bytes(value)),
      putJson: (key, value) => state.put(cause, key, bytes(json(value))),
      delete: (key) => state.delete(cause, key),
    },
    /** Answers as of the event's `at`, null where there is no such thing; needs the grant `directory`. */
    directory: {
      person: (id) => known(() => withFacts(directory.getPerson(cause, id))),
      members: (group) => known(() => directory.members(cause, group)),
      isOpen: (who, at) => known(() => directory.isOpen(cause, who, at)),
      nextOpen: (who, at) => known(() => directory.nextOpen(cause, who, at)),
    },
    // Each answers with the key of what was asked for, or throws what the host refuses.
    callBack: (followUp, options) => actions.callBack(cause, followUp, pairs(options)),
    email: (to, template, data, options) => actions.email(cause, to, template, json(data), pairs(options)),
    message: (to, text, options) => actions.message(cause, to, text, pairs(options)),
    webhook: (destination, body, options) => actions.webhook(cause, destination, json(body), pairs(options)),
    tag: (id, tag) => actions.tag(cause, id, tag),
    settle: (followUp, note) => actions.settle(cause, followUp, note),
    setTimer: (name, at, payload = "") => actions.setTimer(cause, name, at, payload),
    cancel: (key) => actions.cancel(cause, key),
  };
}

// `facts` come as a list of pairs.
function read(event) {
  const { tag, val } = event.about;
  if (tag === "call" || tag === "follow-up") {
    withFacts(val);
  } else if (tag === "missed") {
    withFacts(val.call);
    withFacts(val.followUp);
  }
  return event;
}

function withFacts(value) {
  value.facts = Object.fromEntries(value.facts);
  return value;
}

function pairs(options = {}) {
  return Object.entries(options).map(([name, value]) => [name, String(value)]);
}

// UTF-8, without the web's encoders, which QuickJS does not have.
function bytes(text) {
  return Uint8Array.from(unescape(encodeURIComponent(text)), (letter) => letter.charCodeAt(0));
}

function text(bytes) {
  if (bytes === null || bytes === undefined) {
    return null;
  }
  let letters = "";
  for (const byte of bytes) {
    letters += String.fromCharCode(byte);
  }
  return decodeURIComponent(escape(letters));
}
