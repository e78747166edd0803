"""og's callbacks and loggers for training frameworks, for scripts that name them.

    from opengraphs.integrations.transformers import OpenGraphsCallback
    from opengraphs.integrations.lightning import OpenGraphsCallback, OpenGraphsLogger
    from opengraphs.integrations.keras import OpenGraphsCallback
    from opengraphs.integrations.accelerate import OpenGraphsTracker

Each module imports its framework. Under `og run` none of this has to be written: the hooks
use the same classes and hand them a mirror to write to (`recording.Recorder`).
"""
