// Tells people that a figure crossed a limit of the site file, and that it is cleared.

import { failed, moment, plugin } from "./.sdk/js/index.js";

const TEMPLATE = "limit";

export const handler = plugin({
  limitCrossed: tell,
  limitCleared(cx, limit) {
    return cx.settings.cleared ? tell(cx, limit) : undefined;
  },
});

function tell(cx, limit) {
  const { to, by } = cx.settings;
  const unknown = by.find((way) => way !== "email" && way !== "message");
  if (unknown !== undefined) {
    return failed(`by = ["${unknown}"]: there are email, message`);
  }
  if (by.includes("email") && to.length > 0) {
    const told = { ...limit, since: moment(limit.since), until: moment(limit.until) };
    cx.email(to, TEMPLATE, { limit: told });
  }
  // The portal knows people, and no addresses.
  const people = to.filter((recipient) => !recipient.includes("@"));
  if (by.includes("message") && people.length > 0) {
    cx.message(people, text(limit));
  }
}

function text({ name, subject, value, threshold, raised }) {
  const figure = (number) => String(Math.round(number * 100) / 100);
  const what = raised ? "crossed its limit" : "is within its limit again";
  return `${name} of ${subject} ${what}: ${figure(value)} (limit ${figure(threshold)})`;
}
