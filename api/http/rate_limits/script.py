"""The script in Redis that counts for all processes, what it is asked and what it answers.

A counter holds when requests were let through, to the microsecond, and forgets each after a minute. So no span of a
minute holds more than the limit, whichever process lets them through, and when the next one passes is known as well.
Times are those of Redis when the script runs.

Of a limit so high that its keys can be busy, a process takes a block: more than it needs now, for use within a quarter
of a second. It counts from its last possible use on, and what is not used of it comes back.
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS

PREFIX = "loopctl:passed:"
MARK = "loopctl:keys:"
EPOCH = PREFIX + "epoch"
GOOD_SECONDS = 0.25
"""For how long a permit may be used, counted from before it was asked for."""
EXACT_UP_TO = 6000
"""Requests a minute. A higher limit is counted in blocks, and in steps of ten milliseconds."""
MOST_PERMITS = 1_000_000
"""In an answer; more is nonsense."""
EXACT = 1 << 53
MICROSECONDS = 1_000_000
ANY_MARK = -1

SCRIPT = """
-- KEYS: the epoch's, then for each request: counter of the key, counter of the tenant, mark of the tenant.
-- ARGV: an epoch for a Redis without one, then for each request: limit, how many are needed, how many more are wanted,
-- the mark as it is known (-1: any), which block is given back, how many of it, how many have passed uncounted.
local PERIOD, GOOD, STEP, EXACT_UP_TO, TENANT = 60000000, 250000, 10000, 6000, 3
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local lost = false

local function number(text)
    if type(text) == 'string' and #text <= 16 and not string.find(text, '%D') then return tonumber(text) end
end

-- Of a name that holds something else than is asked for: nothing.
local function read(...)
    local found = redis.pcall(...)
    if type(found) == 'table' and found.err then return nil end
    return found
end

-- A counter is a list: when and how many, from the oldest on; last, how many there are altogether.
local function entries(counter)
    local start, some, i = 0, {}, 1
    return function()
        if not some[i] then
            some, i = redis.call('LRANGE', counter.name, start, start + (start == 0 and 1 or 127)), 1
            start = start + #some
        end
        local at, count = number(some[i]), number(some[i + 1])
        i = i + 2
        return count and at, count
    end
end

local function emptied(counter)
    redis.call('DEL', counter.name)
    counter.newest, counter.last, counter.total = 0, 0, 0
    return counter
end

-- What none of us has written may be written over what one of us had.
local function nonsense(counter)
    lost = true
    return emptied(counter)
end

local function opened(name)
    local counter = {name = name, newest = 0, last = 0, total = 0}
    local tail = read('LRANGE', name, -3, -1)
    if not tail then return nonsense(counter) end
    if #tail == 0 then return counter end
    counter.newest, counter.last, counter.total = number(tail[1]), number(tail[2]), number(tail[3])
    if not (counter.newest and counter.last and counter.total) then return nonsense(counter) end
    if counter.newest <= now - PERIOD then return emptied(counter) end
    if counter.newest > now + 2 * GOOD then
        -- The clock has gone back: everything counts from now on.
        redis.call('DEL', name)
        redis.call('RPUSH', name, now, counter.total, counter.total)
        redis.call('PEXPIRE', name, PERIOD / 1000)
        counter.newest, counter.last = now, counter.total
        return counter
    end
    local gone, sound = 0, false
    for at, count in entries(counter) do
        if at > now - PERIOD then
            sound = at <= counter.newest and counter.total >= count
            break
        end
        counter.total = counter.total - count
        gone = gone + 2
    end
    if not sound then return nonsense(counter) end
    if gone > 0 then
        redis.call('LPOP', name, gone)
        redis.call('LSET', name, -1, counter.total)
    end
    return counter
end

local function add(counter, at, count)
    if count <= 0 then return end
    local name = counter.name
    counter.total = counter.total + count
    if at > counter.newest then
        redis.call('RPOP', name)
        redis.call('RPUSH', name, at, count, counter.total)
        counter.newest, counter.last = at, count
    else
        counter.last = counter.last + count
        redis.call('LSET', name, -2, counter.last)
        redis.call('LSET', name, -1, counter.total)
    end
    redis.call('PEXPIRE', name, math.ceil((counter.newest + PERIOD - now) / 1000))
end

local function take_back(counter, block, count)
    local place = counter.total > 0 and redis.call('LPOS', counter.name, block, 'RANK', -1, 'MAXLEN', 500)
    local there = place and number(redis.call('LINDEX', counter.name, place + 1))
    if not there then return end
    count = math.min(count, there)
    counter.total = counter.total - count
    if counter.newest == block then counter.last = there - count end
    redis.call('LSET', counter.name, place + 1, there - count)
    redis.call('LSET', counter.name, -1, counter.total)
end

-- Microseconds until fewer than the limit count, or until the first of fewer counts no more.
local function freed(counter, limit)
    local above = math.max(counter.total - limit + 1, 1)
    for at, count in entries(counter) do
        above = above - count
        if above <= 0 then return math.min(at, counter.newest) + PERIOD - now end
    end
    lost = lost or counter.total > 0
    return 0
end

local epoch = number(read('GET', KEYS[1]))
lost = not epoch

local answer = {now, 0}
for i = 2, #KEYS, 3 do
    local asked = {}
    for j = 1, 7 do asked[j] = tonumber(ARGV[(i - 2) / 3 * 7 + 1 + j]) end
    local limit, needed, wanted, known, block, back, uncounted = unpack(asked)
    local mark = read('GET', KEYS[i + 2])
    mark = mark == false and 0 or number(mark)
    if not mark then
        -- Whoever knows one looks again.
        mark = tonumber(ARGV[1])
        redis.call('SET', KEYS[i + 2], mark, 'EX', 60)
    end
    if known >= 0 and known ~= mark then needed, wanted = 0, 0 end

    local counters, limits = {opened(KEYS[i]), opened(KEYS[i + 1])}, {limit, limit * TENANT}
    local room, again = math.huge, 0
    for j, counter in ipairs(counters) do
        if back > 0 then take_back(counter, block, back) end
        add(counter, now, uncounted)
        room = math.min(room, limits[j] - counter.total)
    end
    local granted, at = math.max(0, math.min(needed, room)), now
    if limit > EXACT_UP_TO then
        local more = math.min(wanted, math.floor((room - granted) / 8))
        if granted == needed and more > 0 then
            granted, at = granted + more, now + GOOD
        end
        at = math.ceil(at / STEP) * STEP
    end
    local left, free = math.max(room - granted, 0), 0
    for j, counter in ipairs(counters) do
        -- Blocks that are not used up come back.
        if granted < needed then again = math.max(again, counter.newest - now) end
        add(counter, at, granted)
        if math.max(limits[j] - counter.total, 0) == left then free = math.max(free, freed(counter, limits[j])) end
    end
    for _, value in ipairs({granted, left, free, again, mark, at}) do answer[#answer + 1] = value end
end

-- Another epoch tells every process that counts were lost.
if lost then
    epoch = tonumber(ARGV[1])
    redis.call('SET', KEYS[1], epoch)
end
answer[2] = epoch
return answer
"""


class MalformedAnswer(Exception):
    """Something else than the script has answered, or in its name."""


class Request(Struct, frozen=True):
    """``needed`` wait for a permit, ``wanted`` more would soon be used. ``back`` of those of ``block`` were not used;
    ``uncounted`` have passed without the script. Whoever knows another ``mark`` than there is gets no permit."""

    names: tuple[str, str, str]
    """As ``names`` makes them."""
    limit: int
    needed: int
    wanted: int = 0
    mark: int | None = None
    block: int = 0
    back: int = 0
    uncounted: int = 0


class Granted(Struct, frozen=True):
    """When ``permits`` are fewer than needed, one more passes in ``free`` seconds; with ``again``, it should be asked
    again in so many first. Else ``free`` is when one more than ``left`` is left. ``mark`` as it is."""

    permits: int
    left: int
    free: float
    again: float
    mark: int
    block: int


class Answer(Struct, frozen=True):
    """``now`` in Unix seconds by the clock of Redis. With another ``epoch`` than before, the counts were lost."""

    now: float
    epoch: int
    granted: Sequence[Granted]


def names(key: UUID, tenant: UUID) -> tuple[str, str, str]:
    """Of the two counters and the mark, in Redis."""
    return f"{PREFIX}{key}", f"{PREFIX}t:{tenant}", f"{MARK}{tenant}"


def asked(requests: Sequence[Request], new_epoch: int) -> tuple[list[str], list[int]]:
    """The script's KEYS and ARGV."""
    keys, found = [EPOCH], [new_epoch]
    for each in requests:
        keys += each.names
        mark = ANY_MARK if each.mark is None else each.mark
        found += (each.limit, each.needed, each.wanted, mark, each.block, each.back, each.uncounted)
    return keys, found


def answer(reply: object, requests: Sequence[Request]) -> Answer:
    """Raises MalformedAnswer."""
    if not isinstance(reply, list) or len(reply) != 2 + 6 * len(requests):
        raise MalformedAnswer("length")
    if not all(type(number) is int and 0 <= number < EXACT for number in reply):
        raise MalformedAnswer("numbers")
    granted = [_granted(each, reply[at : at + 6]) for each, at in zip(requests, range(2, len(reply), 6), strict=True)]
    return Answer(reply[0] / MICROSECONDS, reply[1], granted)


def _granted(request: Request, numbers: Sequence[int]) -> Granted:
    permits, left, free, again, mark, block = numbers
    if permits > min(request.needed + request.wanted, MOST_PERMITS) or left > request.limit:
        raise MalformedAnswer("permits")
    if max(free, again) > LONGEST_WAIT_SECONDS * MICROSECONDS:
        raise MalformedAnswer("times")
    if permits < request.needed and request.mark in (None, mark) and (left or not free):
        raise MalformedAnswer("refused without a reason")
    return Granted(permits, left, free / MICROSECONDS, again / MICROSECONDS, mark, block)


CLOCK_STEP_SECONDS = 0.1
SLEWED = 0.001
"""A clock that is corrected by slewing runs wrong by less than this part."""


class Trust:
    """Of one process. A clock moved back needs none: the script then counts everything for longer."""

    def __init__(self) -> None:
        self.epoch = 0
        """As last seen; 0 before."""
        self._ahead = 0.0
        self._unsure = 0.0
        self._since: float | None = None
        self._seen = 0.0

    def deserved(self, answer: Answer, sent: float, received: float) -> bool:
        """False when requests of the last minute may count no more. Asked once for each answer; after a False the new
        state is taken as good, and the caller has to wait for as long as a request counts."""
        before, self.epoch = self.epoch, answer.epoch
        last, self._seen = self._seen, received
        ahead, unsure = answer.now - (sent + received) / 2, (received - sent) / 2
        since = self._since
        if since is None or received - last > LONGEST_WAIT_SECONDS:  # of what this process knows, nothing counts
            self._ahead, self._unsure, self._since = ahead, unsure, received
            return True
        allowed = CLOCK_STEP_SECONDS + unsure + self._unsure + SLEWED * (received - since)
        if before != answer.epoch or ahead - self._ahead > allowed:
            self._ahead, self._unsure, self._since = ahead, unsure, received
            return False
        if ahead < self._ahead - allowed or received - since > LONGEST_WAIT_SECONDS:
            self._ahead, self._unsure, self._since = ahead, unsure, received
        return True
