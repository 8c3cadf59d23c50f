// Does what the event says: what the SDK makes of powers, refusals and exceptions.

import { failed, later, moment, plugin } from "./.sdk/js/index.js";

export const handler = plugin({
  callMissed(cx, missed) {
    cx.state.putJson("kept", { text: "Привіт, ü 😀", number: cx.state.getJson("number") });
    const kept = cx.state.getJson("kept");
    cx.webhook("crm", {
      kept,
      customer: missed.followUp.facts.customer,
      at: moment(cx.event.at),
      answeredAt: missed.call.answeredAt,
      offers: cx.offers().map((offer) => offer.end),
      desk: cx.directory.person("ann").facts.desk,
      nobody: cx.directory.person("nobody"),
      isOpen: cx.directory.isOpen("person:ann", cx.now),
      keys: cx.state.keys(""),
    });
    cx.setTimer("again", cx.now + 1000, "payload");
  },
  timerDue: () => later(30),
  other(cx, event) {
    switch (event.about.val) {
      case "fail":
        return failed("because");
      case "refuse":
        return cx.callBack("f1");
      case "throw":
        return undefinedField(undefined);
      case "throw text":
        throw "just text";
    }
  },
});

function undefinedField(nothing) {
  return nothing.field;
}
