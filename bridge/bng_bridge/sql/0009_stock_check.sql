-- The last comparison of each site's stock that came to its end, as JSON: see stock_check/report.py.
CREATE TABLE stock_check (site TEXT PRIMARY KEY, report TEXT NOT NULL) WITHOUT ROWID;
