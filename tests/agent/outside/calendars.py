"""Calendar files as programs export them, a few lines each."""


def event(start: str, end: str, *lines: str, uid: str = "1") -> str:
    """An event; `start` and `end` with their parameters: `:20261123T090000Z`, `;VALUE=DATE:20261123`."""
    parts = ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART{start}", f"DTEND{end}", *lines, "END:VEVENT"]
    return "\r\n".join(parts) + "\r\n"


def ics(*events: str, head: str = "") -> bytes:
    """A calendar with these events."""
    start = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\n{head}"
    return (start + "".join(events) + "END:VCALENDAR\r\n").encode()


AROUND_THE_CLOCK = event(":20260105T000000Z", ":20260112T000000Z", "RRULE:FREQ=WEEKLY", "ATTENDEE:mailto:anna@example.com")
