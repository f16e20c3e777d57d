"""The sandbox BNG: an ERP with customers, sales orders, stock and shipments, over HTTP, on one SQLite file."""
