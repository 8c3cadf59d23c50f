// Tells whoever owes the return of a missed call that the caller waited long.

import { plugin } from "./.sdk/js/index.js";

export const handler = plugin({
  callMissed(cx, missed) {
    const waited = missed.call.waitTimeS ?? 0;
    if (missed.followUp.owner && waited >= cx.settings.long_wait_s) {
      cx.message([missed.followUp.owner], `A caller waited ${waited} s and met nobody`);
    }
  },
});
