// Package metricstest reads OpenMetrics text for tests, strictly.
package metricstest
