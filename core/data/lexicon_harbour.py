"""The words of a harbour's log: the second domain, with a vocabulary of its own.

Good news and bad news take the place of praise and complaint. Each table says what suits what; many nouns are verbs as
well ("a leak", "they leak", "the watch", "they watch").
"""

from collections.abc import Mapping

from core.data.lexicon import Words, s_form, verb, words


def _sides(good: str, bad: str) -> Words:
    return {True: tuple(good.split()), False: tuple(bad.split())}


THINGS: Mapping[str, tuple[str, ...]] = {
    "vessel": words(
        """
    trawler tug schooner ketch barge lugger frigate dinghy cutter coaster freighter tanker brig sloop yawl
    whaler steamer launch lighter dredger collier skiff raft tender ferry tug tug launch launch ferry
    """
    ),
    "gear": words(
        """
    anchor rudder mast boom winch pump hull keel mainsail capstan windlass tiller propeller boiler hawser
    hatch net oar compass sextant beacon buoy siren derrick hoist crane rig anchor anchor pump pump net hoist winch rig lock
    """
    ),
    "hand": words(
        """
    bosun mate stoker skipper deckhand purser oiler lookout rigger stevedore harbourmaster cadet docker crew
    watch convoy coxswain navigator signaller shipwright diver crew crew watch watch pilot pilot
    """
    ),
    "weather": words("breeze swell wind tide current gale squall fog surf undertow drizzle blizzard monsoon"),
    "works": words(
        "jetty pier breakwater slipway lighthouse quay wharf mooring lock lock berth berth dock dock boatyard drydock"
    ),
    "stores": words("timber grain coal salt catch haul cod herring mackerel freight ballast fuel kelp"),
}
"""What the log is about, by kind."""
MASS = frozenset(words("timber grain coal salt cod herring mackerel freight ballast fuel fog surf drizzle kelp"))
"""Nouns without a plural here."""

STATES: Mapping[str, Words] = {
    "vessel": _sides(
        "seaworthy watertight nimble sound trim shipshape stable manoeuvrable buoyant afloat",
        "leaky unseaworthy rotten sluggish rusty waterlogged derelict adrift aground",
    ),
    "gear": _sides(
        "sound taut intact serviceable trustworthy stout fit secure undamaged",
        "cracked rusty jammed loose frayed corroded defective bent rotten unserviceable",
    ),
    "hand": _sides(
        "alert able sober skilful diligent watchful fearless punctual fit",
        "seasick drunk mutinous negligent idle quarrelsome unruly clueless unfit",
    ),
    "weather": _sides(
        "gentle fair favourable mild moderate harmless steady",
        "treacherous foul violent murderous icy relentless blinding perilous",
    ),
    "works": _sides(
        "sound intact secure sheltered fit stout undamaged", "derelict rotten flooded perilous cracked blocked unfit"
    ),
    "stores": _sides("plentiful unspoilt ample abundant sound undamaged", "mouldy sodden scanty rotten spoilt meagre"),
}
"""How things are, in words of good and bad news."""

HAPPENINGS: Mapping[str, Words] = {
    "vessel": _sides("recover float prosper", "leak list sink founder capsize drift"),
    "gear": _sides("recover hold", "jam snap buckle stall rust"),
    "hand": _sides("recover persevere triumph", "desert mutiny drown blunder panic brawl"),
    "weather": _sides("ease moderate abate", "worsen rage bite"),
    "works": _sides("hold endure", "flood crumble subside silt"),
    "stores": _sides("suffice", "shift rot spill leak perish"),
}
"""What things do by themselves."""

DEEDS: Mapping[str, Mapping[str, Words]] = {
    "hand": {
        "vessel": _sides(
            "repair salvage refloat secure patch free steady", "damage ram neglect abandon scratch cripple wreck"
        ),
        "gear": _sides("repair mend secure free overhaul steady", "damage foul neglect jam scratch lose"),
        "works": _sides("repair mend secure reopen", "damage ram neglect block scratch"),
    },
    "vessel": {
        "vessel": _sides("salvage refloat free steady", "damage ram scratch cripple foul"),
        "works": _sides("spare reopen", "damage ram block scratch"),
    },
}
"""What hands and vessels do to vessels, gear and works."""
HARMS = _sides("spare miss bypass", "damage wreck flood crush cripple swamp smash batter")
"""What the weather does to them."""
TROUBLES = words("leak jam spill wreck brawl mutiny panic fault breach")
"""Bad news in one noun."""
GAINS = words("recovery repair refit respite remedy reprieve thaw salvage")
"""Good news in one noun."""
NEWS = _sides("feat godsend boon blessing credit asset relief", "peril hazard menace liability burden ordeal nuisance")
"""What a thing is."""
MISHAPS = words("damage loss mishap injury harm breakage incident collision mutiny")
"""Bad news that something ends without."""
HANDLINGS = _sides(
    "safely ably snugly briskly deftly handily soundly faultlessly",
    "sluggishly recklessly ineptly haphazardly drunkenly negligently unsafely feebly",
)
"""How work is done."""
TASKS: Mapping[str, tuple[str, ...]] = {
    "hand": words("steer row anchor signal moor berth trawl navigate dock"),
    "vessel": words("sail anchor moor dock tow berth trawl"),
}
"""Work that is done well or badly."""

ROUTINE: Mapping[str, tuple[str, ...]] = {
    line.split(":")[0]: tuple(line.split(":")[1].split())
    for line in """
pump:bilge hold fuel ballast
launch:skiff raft dinghy
winch:net anchor hawser
lock:hold hatch galley
pilot:tanker freighter
load:coal timber grain salt fuel freight ballast
log:depth bearing course catch tide wind
sound:siren horn depth
man:pump tiller lookout winch tug
hoist:anchor flag mainsail net
haul:net anchor hawser catch
tow:barge dinghy raft lighter
anchor:schooner ketch sloop brig
berth:freighter tanker collier steamer
moor:launch skiff lugger cutter
net:cod herring mackerel
land:catch cod herring mackerel salt
crew:tug whaler launch
reef:mainsail
signal:lighthouse pilot quay tug
ferry:mail salt cadet
stow:oar net flag hawser
tar:hull deck
caulk:hull deck
scrub:deck galley
""".strip().splitlines()
}
"""What is done every day, neither good nor bad."""
TURNS: Mapping[str, tuple[str, ...]] = {
    "tide": ("turn", "ebb"), "wind": ("veer", "back"), "fog": ("lift",), "watch": ("end",), "siren": ("sound",),
    "convoy": ("dock", "anchor"), "crew": ("haul", "row", "trawl"), "tug": ("signal", "dock"), "moon": ("rise",),
}  # fmt: skip
"""Neutral events that mark the time."""

MOVES: Mapping[str, tuple[str, ...]] = {
    "vessel": words("steam sail row anchor dock turn signal berth"),
    "hand": words("row signal trawl watch haul dock"),
}
BEARINGS = words("in off by in off by abeam astern ashore")
"""Where to or where: in a log most prepositions stand alone now and then, as adverbs."""

WATCHES = words(
    """
    at_dusk at_daybreak at_slack_tide at_low_tide at_high_tide in_the_forenoon_watch in_the_dog_watch
    in_the_first_watch on_the_ebb on_the_flood at_0400 at_0630 at_1115 at_1700 at_2240 off_the_headland
    off_the_sandbank near_the_bar in_the_roads in_the_estuary in_the_strait at_eight_bells at_four_bells
    """
)
"""Times and places as a log gives them."""
BERTHS = words(
    """
    on_the_slipway in_the_estuary off_the_headland at_the_quay under_tow at_anchor in_the_lock
    by_the_breakwater near_the_bar from_Bergen from_Leith from_Rotterdam in_drydock
    """
)
"""What narrows a vessel or its gear down."""
TRADES = words("wooden iron grey Norwegian Danish lateen inshore coastal spare")
SHIPS = words("Halcyon Petrel Kittiwake Marigold Cormorant Aurora Nereid Fulmar Tern Osprey Guillemot Skua")
"""Names of vessels, which take no article here."""


def _polarity() -> dict[tuple[str, str], bool]:
    """Polarity of every word of good or bad news in every form, by (form, UPOS tag)."""
    found: dict[tuple[str, str], bool] = {}
    for sides in STATES.values():
        found |= {(word, "ADJ"): side for side, words in sides.items() for word in words}
    for sides in (*HAPPENINGS.values(), *(sides for ways in DEEDS.values() for sides in ways.values()), HARMS):
        found |= {(form, "VERB"): side for side, words in sides.items() for word in words for form in verb(word)[:4]}
    found |= {(word, "NOUN"): side for side, words in NEWS.items() for word in words}
    found |= {(word, "ADV"): side for side, words in HANDLINGS.items() for word in words}
    found |= {(form, "NOUN"): True for word in GAINS for form in (word, s_form(word))}
    return found | {(word, "NOUN"): False for word in (*MISHAPS, *TROUBLES, *map(s_form, TROUBLES))}


POLARITY: dict[tuple[str, str], bool] = _polarity()
