"""The only file that reads the environment; each variable is explained in .env.example."""

import math
import os
from logging import LogRecord
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from hub import embedded, faults

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    """Read one variable of the environment, without surrounding space; empty is not set."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, *, default: bool) -> bool:
    """Read a yes or no: 1, true, yes and on mean yes."""
    return env(name, "yes" if default else "no").lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    """Read a comma list, without empty items."""
    return [item.strip() for item in env(name, default).split(",") if item.strip()]


def env_number(name: str, default: float, at_least: float, at_most: float) -> float:
    """Read a number between two limits. Raises ImproperlyConfigured, in words."""
    text = env(name, f"{default:g}")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not at_least <= number <= at_most:
        raise ImproperlyConfigured(
            f"{name} must be a number from {at_least:g} to {at_most:g}, not {text!r}."
        )
    return number


def home_folder() -> Path:
    """Where Parley keeps what must survive: the database, repositories, checkouts, the broker."""
    default = "/var/lib/parley" if os.geteuid() == 0 else "~/.parley"
    return Path(env("PARLEY_HOME", default)).expanduser().absolute()


def secret_key(home: Path) -> str:
    """Take the key from the environment, else from the file that `manage.py up` made once."""
    stored = home / "secret-key"
    found = env("PARLEY_SECRET_KEY")
    if found or not stored.exists():
        return found
    return stored.read_text(encoding="ascii").strip()


def is_no_probe(record: LogRecord) -> bool:
    """Tell whether a log record is about something else than a /readyz that said no."""
    return "/readyz" not in record.getMessage()


def database(url: str) -> dict[str, object]:
    """Turn a DATABASE_URL into Django's settings; a `host` in the query names a socket folder."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {
            **query,
            "server_side_binding": True,
            "prepare_threshold": PREPARE_AFTER,
            "pool": {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 10},
            "options": (
                f"-c lock_timeout={LOCK_TIMEOUT_MS}"
                f" -c statement_timeout={STATEMENT_TIMEOUT_MS}"
                f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS}"
            ),
        },
        "TEST": {"NAME": None},
    }


# -- Where things are ---------------------------------------------------------------------------
PARLEY_HOME = home_folder()
PARLEY_BIND = env("PARLEY_BIND", "127.0.0.1:8000")
PARLEY_PUBLIC_URL = env("PARLEY_PUBLIC_URL", f"http://{PARLEY_BIND}")
PARLEY_TARGET = env("PARLEY_TARGET", "local")
IRC_LISTEN = env("PARLEY_IRC_LISTEN", "127.0.0.1:6667")
IRC_TLS_LISTEN = env("PARLEY_IRC_TLS_LISTEN", "off")
IRC_CERTIFICATE = env("PARLEY_IRC_CERTIFICATE")
IRC_KEY = env("PARLEY_IRC_KEY")
NETWORK_LEASE_S = env_number("PARLEY_NETWORK_LEASE_S", 10, 1, 3_600)

# -- Security -----------------------------------------------------------------------------------
SECRET_KEY = secret_key(PARLEY_HOME)
DEBUG = env_bool("PARLEY_DEBUG", default=False)
ALLOWED_HOSTS = env_list(
    "PARLEY_ALLOWED_HOSTS", f"127.0.0.1,localhost,[::1],{urlsplit(PARLEY_PUBLIC_URL).hostname}"
)
CSRF_TRUSTED_ORIGINS = env_list("PARLEY_TRUSTED_ORIGINS")
PARLEY_HTTPS = env_bool("PARLEY_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PARLEY_HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PARLEY_HTTPS else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    },
}

# -- Database -----------------------------------------------------------------------------------
DATABASE_POOL = int(env_number("PARLEY_DATABASE_POOL", 24, 4, 1_000))
LOCK_TIMEOUT_MS = 2_000
PREPARE_AFTER = 5  # runs of a statement; planning a claim's anew took half of Postgres' time
STATEMENT_TIMEOUT_MS = int(env_number("PARLEY_STATEMENT_TIMEOUT_MS", 10_000, 100, 3_600_000))
IDLE_TIMEOUT_MS = 5_000
DATABASE_URL = env("DATABASE_URL")
DATABASES = {"default": database(DATABASE_URL or embedded.url(PARLEY_HOME))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Doorbell and jobs --------------------------------------------------------------------------
REDIS_URL = env("REDIS_URL")
CELERY_BROKER_URL = env("CELERY_BROKER_URL", "filesystem://")
SWEEP_S = env_number("PARLEY_SWEEP_S", 5, 0.1, 3_600)
LEASE_S = env_number("PARLEY_LEASE_S", 30, 1, 3_600)
PULL_LEASE_S = env_number("PARLEY_PULL_LEASE_S", 120, 1, 3_600)
COALESCE_S = env_number("PARLEY_COALESCE_S", 2, 0, 60)
SESSION_SLOTS = int(env_number("PARLEY_SESSION_SLOTS", 4, 1, 256))
COMMAND_MEMORY_MB = int(env_number("PARLEY_COMMAND_MEMORY_MB", 4_096, 64, 1_048_576))
PARLEY_CGROUP = env("PARLEY_CGROUP")
PARLEY_UNCONTAINED = env("PARLEY_UNCONTAINED")
TROUBLE_PING_S = env_number("PARLEY_TROUBLE_PING_S", 900, 1, 86_400)
WEB_PROCESSES = int(env_number("PARLEY_WEB_PROCESSES", 1, 1, 64))
try:
    faults.arm(env("PARLEY_FAULT"))
except ValueError as error:
    raise ImproperlyConfigured(f"PARLEY_FAULT: {error}.") from error

# -- Model providers ----------------------------------------------------------------------------
ANTHROPIC_API_KEY = env("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
ANTHROPIC_MODELS = {
    "strong": env("ANTHROPIC_MODEL_STRONG", "claude-opus-5-5"),
    "standard": env("ANTHROPIC_MODEL_STANDARD", "claude-sonnet-5-5"),
    "light": env("ANTHROPIC_MODEL_LIGHT", "claude-haiku-5-5"),
}

# -- Applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "channels",
    "csp",
    "ninja",
    "hub",
    "transports",
    "agents",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "hub.web.compress.CompressText",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "hub.urls"
ASGI_APPLICATION = "hub.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# -- Admin --------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Parley",
    "SITE_HEADER": "Parley",
    "SITE_SYMBOL": "forum",
    "SIDEBAR": {"show_search": True, "show_all_applications": True},
}

# -- People's login -----------------------------------------------------------------------------
AUTH_USER_MODEL = "hub.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "projects"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "hub.web.accounts.AccountAdapter"
PARLEY_OPEN_SIGNUP = env_bool("PARLEY_OPEN_SIGNUP", default=False)

# -- Language, time, logging --------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOG_LEVEL = env("PARLEY_LOG_LEVEL", "INFO")
QUIET = ("anthropic", "httpcore", "httpcore2", "httpx", "httpx2")  # they log requests whole
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"no_probe": {"()": "django.utils.log.CallbackFilter", "callback": is_no_probe}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"filters": ["no_probe"]},
        "django.server": {"level": "WARNING"},
        **{name: {"level": "WARNING"} for name in QUIET},
    },
}
