-- Whether an operator has discarded a state of an entity is asked for every event.
CREATE INDEX inbox_discarded ON inbox (source, entity, entity_id, site) WHERE state = 'discarded';
