"""Expands rules as python-dateutil does: a JSON list of {zone, start, rule} comes in, a list of lists of seconds since 1970 goes out.

dateutil reckons with what clocks show and knows nothing of hours that they skip or show twice. RFC 5545, 3.3.5, moves the ones forward by
what is skipped and takes the first of the others, which is what resolve_imaginary and fold=0 do.
"""

import json
import sys
from datetime import datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from dateutil.tz import resolve_imaginary

MOST = 730


def occurrences(zone, start, rule):
    first = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    horizon = first.replace(year=first.year + 10, day=min(first.day, 28))
    for local in islice(rrulestr(rule, dtstart=first), MOST):
        if local.replace(tzinfo=None) >= horizon.replace(tzinfo=None):
            return
        yield int(resolve_imaginary(local.replace(fold=0)).astimezone(timezone.utc).timestamp())


json.dump([list(occurrences(**case)) for case in json.load(sys.stdin)], sys.stdout)
