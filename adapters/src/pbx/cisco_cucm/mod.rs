//! Cisco Unified Communications Manager: the flat files of call detail records (CDR) and call management records (CMR).
//!
//! Cisco, *Call Detail Records Administration Guide* (chapters *CDR Examples*, *Call Information Record Types*, *Field Descriptions*) and
//! *CAR Administration Guide 12.5(1)*; `cdr-formats/cisco-cucm.md` quotes both.
//! Each call-processing node writes a file a minute, `cdr_<cluster>_<node>_<time>_<number>` and `cmr_…`: a line of quoted column names,
//! a line of SQL types, then the records. Nearly every release added columns (103 in 8 and 9, 133 from 12.5 on): they are found by name.
//! An integer that is not told is empty or 0. Times are seconds since 1970, UTC.
//!
//! Columns:
//! cdrRecordType (1 CDR, 2 CMR) · globalCallID_callManagerId, globalCallID_callId, globalCallId_ClusterID (the call; a callId comes again after
//! a wrap, so the day goes with it) · origLegCallIdentifier, destLegIdentifier (the two ends; one identifier lives through a transfer) ·
//! dateTimeOrigination, dateTimeConnect (0: never), dateTimeDisconnect, duration (from connect to disconnect) ·
//! callingPartyNumber, originalCalledPartyNumber (as dialed), finalCalledPartyNumber (the last offered), lastRedirectDn (who sent it there) ·
//! origCause_value, destCause_value (not 0 on the side that cleared) · origDeviceName, destDeviceName ·
//! …OnBehalfOf (which feature ended, redirected, joined), …RedirectReason (why) · origConversationId, destConversationId (a conference, or the end
//! that is recorded) · comment (the conference's controller) · huntPilotDN (told when a member answered) · calledPartyPatternUsage ·
//! wasCallQueued, totalWaitTimeInQueue · mobileCallingPartyNumber, finalMobileCalledPartyNumber · …_uri (an address where there is no number) ·
//! IncomingProtocolID, OutgoingProtocolID (1 SIP, 2 H.323, 4 Q.931: that end is a trunk; a telephone has 0, or 3) ·
//! origMobileCallDuration, destMobileCallDuration · pkid (the record's own id).
//! A CMR has callIdentifier (the end measured), directoryNum, deviceName, dateTimeStamp.

use std::borrow::Cow;

use crate::adapter::{About, Adapter, Ends, Header, Legs, Provenance, Record, Settings, Tells};
use crate::fields::{Fields, each_quoted, integer, split_quoted, text};
use crate::leg::{End, Event, KeyKind, Leg, Moment, Text};

mod codes;
mod ends;
mod path;

/// CUCM's call records.
pub struct CiscoCucm;

static ABOUT: About = About {
    name: "cisco_cucm",
    title: "Cisco Unified Communications Manager: CDR and CMR flat files",
    versions: "8 to 15",
    provenance: Provenance::Documentation,
    // A record whose end is no feature's doing tells that the caller is gone, or that the caller's call goes on without that person: only a
    // transfer, a park or a pickup goes on, and those mark their records as split. Parts of one call that other nodes wrote
    // come with the next file or two, one a minute.
    ends: Ends::Marker { settle_s: 180 },
    tells: &[
        Tells::Direction,
        Tells::QueueWait,
        Tells::Did,
        Tells::EndedBy,
        Tells::Mailbox,
        Tells::Transfers,
        Tells::Seconds,
    ],
    needs: "service parameters CDR Enabled Flag = True and CDR Log Calls with Zero Duration Flag = True on every node \
            (both are off by default, and without the second no unanswered call is recorded, but for busy and failed ones); \
            Show Line Group Member DN in finalCalledPartyNumber CDR Field = True, so that a hunt group's member is told",
    typical_delay_s: 90,
};

/// The columns that are read.
const COLUMNS: [&str; COLUMN_COUNT] = [
    "cdrRecordType",
    "globalCallID_callManagerId",
    "globalCallID_callId",
    "globalCallId_ClusterID",
    "origLegCallIdentifier",
    "destLegIdentifier",
    "dateTimeOrigination",
    "dateTimeConnect",
    "dateTimeDisconnect",
    "duration",
    "callingPartyNumber",
    "originalCalledPartyNumber",
    "finalCalledPartyNumber",
    "lastRedirectDn",
    "origCause_value",
    "destCause_value",
    "origDeviceName",
    "destDeviceName",
    "origCallTerminationOnBehalfOf",
    "origCalledPartyRedirectOnBehalfOf",
    "lastRedirectRedirectOnBehalfOf",
    "origCalledPartyRedirectReason",
    "lastRedirectRedirectReason",
    "joinOnBehalfOf",
    "origConversationId",
    "destConversationId",
    "comment",
    "huntPilotDN",
    "calledPartyPatternUsage",
    "wasCallQueued",
    "totalWaitTimeInQueue",
    "callingPartyUnicodeLoginUserID",
    "finalCalledPartyUnicodeLoginUserID",
    "outpulsedCalledPartyNumber",
    "mobileCallingPartyNumber",
    "finalMobileCalledPartyNumber",
    "authCodeDescription",
    "clientMatterCode",
    "pkid",
    "callIdentifier",
    "directoryNum",
    "deviceName",
    "dateTimeStamp",
    "callingPartyNumber_uri",
    "originalCalledPartyNumber_uri",
    "finalCalledPartyNumber_uri",
    "destCallTerminationOnBehalfOf",
    "IncomingProtocolID",
    "OutgoingProtocolID",
    "origMobileCallDuration",
    "destMobileCallDuration",
];
const COLUMN_COUNT: usize = 51;

#[derive(Clone, Copy)]
enum C {
    Type,
    Node,
    Call,
    Cluster,
    OrigLeg,
    DestLeg,
    Origination,
    Connect,
    Disconnect,
    Duration,
    Calling,
    OriginalCalled,
    FinalCalled,
    LastRedirect,
    OrigCause,
    DestCause,
    OrigDevice,
    DestDevice,
    OrigEndedFor,
    FirstRedirectFor,
    LastRedirectFor,
    FirstReason,
    LastReason,
    JoinedFor,
    OrigConversation,
    DestConversation,
    Comment,
    HuntPilot,
    Usage,
    WasQueued,
    QueueWait,
    CallingUser,
    FinalUser,
    Outpulsed,
    MobileCalling,
    MobileCalled,
    AuthCode,
    MatterCode,
    Pkid,
    CallIdentifier,
    DirectoryNumber,
    Device,
    Stamp,
    CallingUri,
    OriginalCalledUri,
    FinalCalledUri,
    DestEndedFor,
    IncomingProtocol,
    OutgoingProtocol,
    OrigMobileLength,
    DestMobileLength,
}

impl Adapter for CiscoCucm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn header(&self, bytes: &[u8], _settings: &Settings) -> Option<Header> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
        // A record begins with its type, a digit: most lines are known not to be a header by their first letter.
        let first = bytes.iter().find(|b| **b != b'"')?;
        if !first.is_ascii_alphabetic() {
            return None;
        }
        if is_type_line(bytes) {
            return Some(Header::default());
        }
        let mut fields = Fields::new();
        split_quoted(bytes, b',', &mut fields).ok()?;
        // Somebody who puts blanks around the commas has names in quotes that are none.
        header_of(fields.iter().map(|f| text(f).trim().trim_matches('"').into()).collect())
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        let told;
        let header = match record.header {
            Some(header) => header,
            None if settings.columns.is_empty() => {
                return out.reject(
                    record,
                    "no line of column names stood before it: CUCM writes one at the top of every file; send whole files, \
                     or name the columns in the site file's `columns`",
                );
            }
            None => match header_of(settings.columns.clone()) {
                Some(header) => {
                    told = header;
                    &told
                }
                None => {
                    return out.reject(
                        record,
                        "the site file's `columns` name no CUCM record: callingPartyNumber and originalCalledPartyNumber are needed, \
                         or of a CMR callIdentifier",
                    );
                }
            },
        };
        let row = match Row::read(record.bytes, header) {
            Ok(row) => row,
            Err(reason) => return out.reject(record, reason),
        };
        match (row.integer(C::Type), row.told(C::CallIdentifier)) {
            (Some(1) | None, false) => path::parse(&row, record, settings, out),
            (Some(2), true) => parse_measurement(&row, record, settings, out),
            (Some(0), false) => out.reject(record, "cdrRecordType 0: a start record, which CUCM does not write"),
            _ => out.reject(
                record,
                format!(
                    "cdrRecordType `{}`: 1 is a call detail record, 2 a call management record, and the column names before it are of {}",
                    row.text(C::Type),
                    if row.told(C::CallIdentifier) { "the second" } else { "the first" }
                ),
            ),
        }
    }
}

/// The line of SQL types below the names.
fn is_type_line(bytes: &[u8]) -> bool {
    bytes.split(|b| *b == b',').all(|field| {
        let field = field.trim_ascii();
        let field = field.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")).unwrap_or(field);
        let name = field.split(|b| *b == b'(').next().unwrap_or(field);
        matches!(name, b"INTEGER" | b"VARCHAR" | b"UNIQUEIDENTIFIER" | b"BIGINT" | b"CHAR" | b"SMALLINT" | b"DATETIME")
    })
}

/// The layout of these names, if they are those of a CDR or a CMR. Behind where each known column is, in the order of [`COLUMNS`],
/// comes which known column each field is, since a record is read field by field.
fn header_of(names: Vec<Text>) -> Option<Header> {
    let mut header = Header::find(names, &COLUMNS);
    let has = |c: C| header.index[c as usize].is_some();
    let has_called = has(C::OriginalCalled) || has(C::FinalCalled);
    // An export of the columns of one feature leaves out who called.
    let has_calling = has(C::Calling) || has(C::OrigDevice) && has(C::DestDevice);
    let is_measurement = has(C::Call) && has(C::CallIdentifier);
    let is_call = has_calling && has_called && !has(C::CallIdentifier);
    if !is_call && !is_measurement {
        return None;
    }
    let mut inverse = vec![None; header.names.len()];
    for (column, field) in header.index.iter().enumerate() {
        if let Some(slot) = field.and_then(|f| inverse.get_mut(f)) {
            *slot = Some(column);
        }
    }
    header.index.extend(inverse);
    Some(header)
}

/// A record's values by column.
struct Row<'a> {
    values: [Cow<'a, [u8]>; COLUMN_COUNT],
    header: &'a Header,
}

impl<'a> Row<'a> {
    fn read(bytes: &'a [u8], header: &'a Header) -> Result<Row<'a>, String> {
        let mut values: [Cow<'a, [u8]>; COLUMN_COUNT] = [const { Cow::Borrowed(b"") }; COLUMN_COUNT];
        let columns = header.index.get(COLUMN_COUNT..).unwrap_or_default();
        let count = each_quoted(bytes, b',', |number, field| {
            if let Some(slot) = columns.get(number).copied().flatten().and_then(|c| values.get_mut(c)) {
                *slot = field;
            }
        })
        .map_err(|at| format!("the field that opens with a quote at byte {at} does not end: the line is cut"))?;
        if count != header.names.len() {
            return Err(format!(
                "{count} fields, but the column names before it are {}: the line is cut, or is of another file",
                header.names.len()
            ));
        }
        Ok(Row { values, header })
    }

    /// The file has this column.
    fn told(&self, column: C) -> bool {
        self.header.index.get(column as usize).is_some_and(Option::is_some)
    }

    fn bytes(&self, column: C) -> &[u8] {
        self.values[column as usize].trim_ascii()
    }

    fn text(&self, column: C) -> Text {
        text(self.bytes(column))
    }

    /// A number, or, where the record has none, the address `name@domain` that stands for it.
    fn number(&self, column: C) -> Text {
        let number = self.text(column);
        let address = match column {
            C::Calling => C::CallingUri,
            C::OriginalCalled => C::OriginalCalledUri,
            C::FinalCalled => C::FinalCalledUri,
            _ => return number,
        };
        if number.is_empty() { self.text(address) } else { number }
    }

    fn is_empty(&self, column: C) -> bool {
        self.bytes(column).is_empty()
    }

    fn integer(&self, column: C) -> Option<i64> {
        integer(self.bytes(column))
    }

    /// The code of a feature, a reason, a cause: what is not told is 0.
    fn code(&self, column: C) -> i64 {
        self.integer(column).unwrap_or(0)
    }

    /// An identifier; empty where it is 0, which is none.
    fn identifier(&self, column: C) -> Text {
        let value = self.text(column);
        if value == "0" { Text::default() } else { value }
    }

    /// `docs: Timestamps`: seconds since 1970; 0 and nothing are not told.
    fn moment(&self, column: C) -> Result<Option<Moment>, String> {
        match self.integer(column) {
            None if self.is_empty(column) => Ok(None),
            Some(0) => Ok(None),
            Some(seconds) if (100_000_000..100_000_000_000).contains(&seconds) => Ok(Some(Moment(seconds * 1000))),
            _ => Err(format!("{}: `{}` is not seconds since 1970", COLUMNS[column as usize], self.text(column))),
        }
    }
}

/// What joins the record to others. The call's identity is given again after a wrap, so the day goes with it; without the day
/// it joins what follows within minutes, across midnight too. The two ends join calls of other identities: what a transfer leaves and what it makes.
fn link(leg: &mut Leg, row: &Row<'_>, ends: &[C]) {
    let cluster = row.text(C::Cluster);
    let in_cluster = |value: &str| {
        if cluster.is_empty() { Text::from(value) } else { compact_str::format_compact!("{cluster}/{value}") }
    };
    let call = row.identifier(C::Call);
    if !call.is_empty() {
        let node = row.identifier(C::Node);
        let call = if node.is_empty() {
            in_cluster(&call)
        } else {
            in_cluster(&compact_str::format_compact!("{node}-{call}"))
        };
        if let Some(at) = leg.started_at.filter(|_| leg.event.is_none()) {
            const MS_PER_DAY: i64 = 86_400_000;
            leg.link(KeyKind::Id, compact_str::format_compact!("{call}@{}", at.0.div_euclid(MS_PER_DAY)));
        } else if leg.event.is_none() {
            leg.link(KeyKind::Id, call.clone());
        }
        leg.link(KeyKind::Reused, call);
    }
    for column in ends {
        let end = row.identifier(*column);
        if !end.is_empty() {
            leg.link(KeyKind::Reused, in_cluster(&end));
        }
    }
}

/// `docs: CMR Field Descriptions`: how well one end heard. It belongs to a call, and says nothing of who was where.
fn parse_measurement(row: &Row<'_>, record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let mut leg = Leg::new(&settings.origin, record.position);
    leg.event = Some(Event::Noted);
    leg.detail = "CMR".into();
    leg.grain_ms = 1000;
    match row.moment(C::Stamp) {
        Ok(at) => leg.started_at = at,
        Err(reason) => return out.reject(record, reason),
    }
    leg.from = End {
        number: row.text(C::DirectoryNumber),
        device: row.text(C::Device),
        channel: row.identifier(C::CallIdentifier),
        ..End::default()
    };
    link(&mut leg, row, &[C::CallIdentifier]);
    name(&mut leg, row, record, &[C::Node, C::Call, C::CallIdentifier, C::Stamp], 0);
    out.legs.push(leg);
}

/// The record's own id where it has one; else what tells it apart from others of its call; else where it stands.
fn name(leg: &mut Leg, row: &Row<'_>, record: Record<'_>, columns: &[C], part: u8) {
    leg.native_id = row.text(C::Pkid);
    if !leg.native_id.is_empty() {
        return leg.name_by_native_id(&[], part);
    }
    leg.native_id = row.identifier(C::Call);
    let has_ends = !row.identifier(C::OrigLeg).is_empty() || !row.identifier(C::CallIdentifier).is_empty();
    let has_time = row.told(C::Origination) || row.told(C::Stamp);
    if leg.native_id.is_empty() || !has_ends || !has_time {
        return leg.name_by_position(record.source, part);
    }
    let distinct: smallvec::SmallVec<[&[u8]; 8]> = columns.iter().map(|c| row.bytes(*c)).collect();
    leg.name_by_native_id(&distinct, part);
}
