-- Flows that an operator has switched on for a site. `since`: what was created before it is left alone; NULL: everything.
CREATE TABLE switched_flow (
    site TEXT NOT NULL, flow TEXT NOT NULL, since TEXT, at TEXT NOT NULL,
    PRIMARY KEY (site, flow)
) WITHOUT ROWID;
