package checkout

import (
	"log"
	"time"

	"gorm.io/gorm/logger"
)

// infoLogger is what hosts use while they develop: every statement with its parameters.
func infoLogger(to *logBuffer) logger.Interface {
	return logger.New(log.New(to, "", 0), logger.Config{LogLevel: logger.Info, SlowThreshold: time.Nanosecond})
}
