//! How the proxy is seen: logs, metrics, histograms.
