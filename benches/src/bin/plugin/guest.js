// What `native.rs` beside this file does, in JavaScript; `benches/README.md` says how it is built.
import * as actions from 'ringback:plugin/actions@1.0.0'

export const handler = {
  handle(events) {
    return events.map((event, cause) => {
      if (event.about.tag === 'missed') callMissed(cause, event.about.val)
      return { tag: 'done' }
    })
  },
}

function callMissed(cause, { call, followUp }) {
  const number = call.caller.number
  if (number === undefined || number === null) return
  // Only its last two bits are looked at, and those of a product are the product of those: 32 bits are as good as 64.
  let hash = 0x84222325
  for (let at = 0; at < number.length; at++) hash = Math.imul(hash ^ number.charCodeAt(at), 0x1b3)
  if (call.short || followUp.status !== 'open') return
  if ((hash & 3) === 0) {
    actions.message(cause, [call.owner ?? 'group:sales'], `${number} called in vain`, [])
  } else {
    actions.callBack(cause, followUp.id, [['attempt', '1']])
  }
}
