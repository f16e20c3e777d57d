-- name: get
SELECT report FROM stock_check WHERE site = :site

-- name: put
INSERT INTO stock_check (site, report) VALUES (:site, :report) ON CONFLICT (site) DO UPDATE SET report = excluded.report
