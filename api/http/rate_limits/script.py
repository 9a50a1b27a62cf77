"""The script in Redis that counts for all processes, what it is asked and what it answers.

A request that is let through is a permit. Permits are counted when they are handed out, in lists by quarters of a
second, for the key and for its tenant; one may be used for a quarter of a second and counts until half a second after
the minute that follows its last possible use. So no span of a minute ever holds more than the limit, whichever
process uses them and when.

A process that asks often gets a block: more than it needs now. Only where much is left and the pace is slow compared
with it, and only with a promise: three quarters of what is left stay for as long as the block is good. That makes
what the process says of the remainder true without asking again, and nobody is refused because a block lies unused.
Whoever would break a promise is told to ask again in a moment. What is not used of a block comes back.
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, TENANT_FACTOR

PREFIX = "loopctl:permits:"
MARK = "loopctl:keys:"
EPOCH = PREFIX + "epoch"
GOOD_SECONDS = 0.25
"""For how long a permit may be used, counted from before it was asked for."""
MOST_PERMITS = 1_000_000
"""In an answer; more is nonsense."""
EXACT = 1 << 53

SCRIPT = """
-- KEYS: the epoch's, then for each request: counter of the key, counter of the tenant, mark of the tenant.
-- ARGV: an epoch for an empty Redis, the epoch that the asking process knows, then for each request: limit, how many
-- are needed, how many more are wanted, quarter and number of permits given back, how many have passed uncounted.
local SPAN, TENANT, QUARTER_MS = 244, 3, 250
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local quarter = math.floor(now / QUARTER_MS)

-- Another epoch tells every process that the counts were lost.
local epoch = redis.call('GET', KEYS[1])
if not epoch then
    epoch = ARGV[1]
    redis.call('SET', KEYS[1], epoch)
end

-- A counter is a list: quarter and count, from the oldest on, then what it promises: from which quarter on, in it, in
-- the next; last the sum of the counts. Only its end is read, with the three newest quarters.
local function opened(name, limit)
    local tail = redis.pcall('LRANGE', name, -10, -1)
    local counter = {name = name, newest = {}, total = 0, since = 0, promise = 0, later = 0, read = 0}
    if #tail == 0 and not tail.err then return counter end
    local sound = #tail >= 6
    for i = 1, #tail do
        tail[i] = tonumber(tail[i])
        sound = sound and tail[i] and tail[i] >= 0 and tail[i] == math.floor(tail[i]) and tail[i] < 2 ^ 40
    end
    if not sound then
        -- Nobody knows what it was: it counts as full.
        redis.call('DEL', name)
        counter.newest, counter.total, counter.changed = {quarter, limit}, limit, true
        return counter
    end
    local last = tail[#tail - 5]
    if quarter >= last + SPAN then
        redis.call('DEL', name)
        return counter
    end
    counter.total, counter.later, counter.promise, counter.since =
        tail[#tail], tail[#tail - 1], tail[#tail - 2], tail[#tail - 3]
    if last > quarter + 8 then
        -- The clock has gone back by more than a moment: everything counts from now on, and a promise is kept a little
        -- longer. After a moment, what comes now counts with what came last.
        redis.call('DEL', name)
        counter.newest = {quarter, counter.total}
        counter.since = quarter
        counter.promise = math.max(counter.promise, counter.later)
        counter.later = counter.promise
        counter.changed = true
        return counter
    end
    local oldest = tonumber(redis.call('LINDEX', name, 0))
    local gone = 0
    while quarter >= oldest + SPAN do
        counter.total = counter.total - tonumber(redis.call('LPOP', name, 2)[2])
        gone = gone + 2
        counter.changed = true
        oldest = tonumber(redis.call('LINDEX', name, 0))
    end
    if gone > 0 then
        tail = redis.call('LRANGE', name, -10, -1)
    end
    for i = 1, #tail - 4 do counter.newest[i] = tonumber(tail[i]) end
    counter.read = #tail
    return counter
end

local function kept(counter)
    if not counter.changed then return end
    if counter.read > 0 then redis.call('RPOP', counter.name, counter.read) end
    local last = counter.newest[#counter.newest - 1]
    local values = {}
    for i = 1, #counter.newest do values[i] = counter.newest[i] end
    for _, value in ipairs({counter.since, counter.promise, counter.later, counter.total}) do
        values[#values + 1] = value
    end
    redis.call('RPUSH', counter.name, unpack(values))
    redis.call('PEXPIRE', counter.name, (last + SPAN) * QUARTER_MS - now + 1000)
end

local function add(counter, count)
    if count <= 0 then return end
    local newest = counter.newest
    if #newest > 0 and newest[#newest - 1] >= quarter then
        newest[#newest] = newest[#newest] + count
    else
        newest[#newest + 1] = quarter
        newest[#newest + 1] = count
    end
    counter.total = counter.total + count
    counter.changed = true
end

local function take_back(counter, from, count)
    for i = 1, #counter.newest, 2 do
        if counter.newest[i] == from then
            count = math.min(count, counter.newest[i + 1])
            counter.newest[i + 1] = counter.newest[i + 1] - count
            counter.total = counter.total - count
            counter.changed = true
        end
    end
end

local function promised(counter)
    if counter.since >= quarter then return counter.promise end
    return counter.since == quarter - 1 and counter.later or 0
end

local function promise(counter, count)
    local now_promised = promised(counter)
    local later = counter.since >= quarter and counter.later or 0
    counter.since, counter.promise, counter.later = quarter, math.max(now_promised, count), math.max(later, count)
    counter.changed = true
end

local function lately(counter)
    local sum = 0
    for i = 1, #counter.newest, 2 do
        if counter.newest[i] >= quarter - 1 then sum = sum + counter.newest[i + 1] end
    end
    return sum
end

-- Milliseconds until fewer than the limit count, or until the first of fewer counts no more.
local function freed(counter, limit)
    local all = redis.call('LLEN', counter.name) - 4
    for _, some in ipairs({math.min(all, 20), all}) do
        local above = math.max(counter.total - limit + 1, 1)
        local counts = redis.call('LRANGE', counter.name, 0, some - 1)
        for i = 1, #counts, 2 do
            above = above - tonumber(counts[i + 1])
            if above <= 0 then return (tonumber(counts[i]) + SPAN) * QUARTER_MS - now end
        end
    end
    return 0
end

local answer = {now, quarter, tonumber(epoch)}
for i = 2, #KEYS, 3 do
    local at = (i - 2) * 2 + 2
    local limit, needed, wanted, from, back, uncounted = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]),
        tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
    local limits = {limit, limit * TENANT}
    local counters = {opened(KEYS[i], limits[1]), opened(KEYS[i + 1], limits[2])}
    local room, quarter_left, slow = math.huge, math.huge, true
    for j, counter in ipairs(counters) do
        if back > 0 and epoch == ARGV[2] then take_back(counter, from, back) end
        add(counter, uncounted)
        room = math.min(room, limits[j] - counter.total - promised(counter))
    end
    local granted = math.max(0, math.min(needed, room))
    for j, counter in ipairs(counters) do
        local part = math.floor((limits[j] - counter.total - granted) / 4)
        quarter_left = math.min(quarter_left, part)
        slow = slow and lately(counter) * 4 <= part
    end
    local more = math.min(wanted, math.floor(quarter_left / 8), room - granted)
    local in_block = granted == needed and more > 1 and slow
    if in_block then granted = granted + more end
    local left, sure = math.huge, math.huge
    for j, counter in ipairs(counters) do
        add(counter, granted)
        local rest = limits[j] - counter.total
        left = math.min(left, math.max(rest, 0))
        if in_block then
            local part = rest - math.floor(rest / 4)
            promise(counter, part)
            sure = math.min(sure, part)
        end
        kept(counter)
    end
    local reset = 0
    for j, counter in ipairs(counters) do
        if math.max(limits[j] - counter.total, 0) == left and #counter.newest > 0 then
            reset = math.max(reset, freed(counter, limits[j]))
        end
    end
    local wait = 0
    if granted < needed then wait = left > 0 and (quarter + 1) * QUARTER_MS - now or reset end
    for _, value in ipairs({granted, left, in_block and sure or left, wait, reset,
                            tonumber(redis.call('GET', KEYS[i + 2]) or 0)}) do
        answer[#answer + 1] = value
    end
end
return answer
"""


class MalformedAnswer(Exception):
    """Something else than the script has answered, or in its name."""


class Request(Struct, frozen=True):
    """``needed`` wait for a permit, ``wanted`` more would soon be used. ``back`` of those of the quarter ``quarter``
    were not used; ``uncounted`` have passed without the script."""

    names: tuple[str, str, str]
    """As ``names`` makes them."""
    limit: int
    needed: int
    wanted: int = 0
    quarter: int = 0
    back: int = 0
    uncounted: int = 0


class Granted(Struct, frozen=True):
    """``sure`` is how many, beside those granted, cannot be used up by others while the permits are good. Fewer than
    needed: the rest is to ask again in ``wait`` seconds when something is ``left``, else refused for so long."""

    permits: int
    left: int
    sure: int
    wait: float
    reset: float
    mark: int


class Answer(Struct, frozen=True):
    """``now`` in Unix seconds by the clock of Redis. With another ``epoch`` than before, the counts were lost."""

    now: float
    quarter: int
    epoch: int
    granted: Sequence[Granted]


def names(key: UUID, tenant: UUID) -> tuple[str, str, str]:
    """Of the two counters and the mark, in Redis."""
    return f"{PREFIX}{key}", f"{PREFIX}t:{tenant}", f"{MARK}{tenant}"


def keys(requests: Sequence[Request]) -> list[str]:
    return [EPOCH, *(name for each in requests for name in each.names)]


def arguments(requests: Sequence[Request], new_epoch: int, epoch: int) -> list[int]:
    found = [new_epoch, epoch]
    for each in requests:
        found += (each.limit, each.needed, each.wanted, each.quarter, each.back, each.uncounted)
    return found


def answer(reply: object, requests: Sequence[Request]) -> Answer:
    """Raises MalformedAnswer."""
    if not isinstance(reply, list) or len(reply) != 3 + 6 * len(requests):
        raise MalformedAnswer("length")
    if not all(type(number) is int and 0 <= number < EXACT for number in reply):
        raise MalformedAnswer("numbers")
    granted = [_granted(each, reply[at : at + 6]) for each, at in zip(requests, range(3, len(reply), 6), strict=True)]
    return Answer(reply[0] / 1000, reply[1], reply[2], granted)


def _granted(request: Request, numbers: Sequence[int]) -> Granted:
    permits, left, sure, wait, reset, mark = numbers
    most = request.limit * TENANT_FACTOR
    if permits > request.needed + request.wanted or not sure <= left <= most or permits > MOST_PERMITS:
        raise MalformedAnswer("permits")
    if max(wait, reset) > LONGEST_WAIT_SECONDS * 1000 or (permits < request.needed) != (wait > 0):
        raise MalformedAnswer("times")
    return Granted(permits, left, sure, wait / 1000, reset / 1000, mark)
