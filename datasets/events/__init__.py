"""Political events: what happened, when it became public, and what was known of it at any instant."""

from datasets.events.event import LABEL_FIELDS as LABEL_FIELDS
from datasets.events.event import OUTCOME_FIELDS as OUTCOME_FIELDS
from datasets.events.event import Confidence as Confidence
from datasets.events.event import Majority as Majority
from datasets.events.event import PoliticalEvent as PoliticalEvent
from datasets.events.event import ProGrowth as ProGrowth
from datasets.events.event import Surprise as Surprise
from datasets.events.event import WinnerStatus as WinnerStatus
from datasets.events.event_catalogue import CATALOGUE as CATALOGUE
from datasets.events.event_catalogue import EventCatalogue as EventCatalogue
from datasets.events.event_catalogue import bundled_events as bundled_events
from datasets.events.event_catalogue import combined_events as combined_events
from datasets.events.event_catalogue import event_rows as event_rows
from datasets.events.event_catalogue import load_events as load_events
from datasets.events.event_catalogue import own_events as own_events
from datasets.events.kinds import Kind as Kind
from datasets.events.kinds import OwnKind as OwnKind
from datasets.events.kinds import kind_of as kind_of
