"""The Messages API: conversations into requests, streams into answers, errors into troubles."""
