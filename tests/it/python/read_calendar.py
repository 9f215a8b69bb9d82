"""Reads a calendar as python's icalendar does, and expands it as recurring-ical-events does: {calendar, from, to} comes in, and out go what
the reader complains of, and each event between the two with its instants in seconds since 1970, as the calendar's own zones have them."""

import json
import sys
from datetime import datetime, timezone

import recurring_ical_events
from icalendar import Calendar


def seconds(at):
    return int(at.astimezone(timezone.utc).timestamp())


def told(event):
    return {
        "uid": str(event["UID"]),
        "summary": str(event["SUMMARY"]),
        "status": str(event["STATUS"]),
        "location": str(event.get("LOCATION", "")),
        "comment": str(event.get("COMMENT", "")),
        "sequence": int(event["SEQUENCE"]),
        "start": seconds(event["DTSTART"].dt),
        "end": seconds(event["DTEND"].dt),
    }


asked = json.load(sys.stdin)
calendar = Calendar.from_ical(asked["calendar"])
complaints = [f"{part.name}: {error}" for part in calendar.walk() for error in part.errors]
zones = sorted(str(part["TZID"]) for part in calendar.walk("VTIMEZONE"))
since, until = (datetime.fromisoformat(asked[key]) for key in ("from", "to"))
events = recurring_ical_events.of(calendar).between(since, until)
json.dump({"complaints": complaints, "zones": zones, "events": sorted(map(told, events), key=lambda event: (event["start"], event["uid"]))}, sys.stdout)
