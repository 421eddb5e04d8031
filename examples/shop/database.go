package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/jopay/checkout"
)

func isPostgres(db string) bool {
	return strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://")
}

// openDatabase opens the SQLite file or the PostgreSQL database that -db names.
func openDatabase(ctx context.Context, name string) (*gorm.DB, error) {
	if isPostgres(name) {
		return openPostgres(ctx, name)
	}
	return openFile(ctx, name)
}

func openFile(ctx context.Context, path string) (*gorm.DB, error) {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("-db %s: there is no directory %s. Make it with: mkdir -p %s", path, dir, dir)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("-db %s is a directory. Name a file in it: -db %s", path, filepath.Join(path, "shop.db"))
	}
	db, err := connect(ctx, openSQLite(path))
	if err != nil {
		return nil, fmt.Errorf("-db %s cannot be opened as a SQLite database: %w", path, err)
	}
	return db, nil
}

// fileURI spells a path so that SQLite takes none of its characters for a part of the URI.
func fileURI(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

func openPostgres(ctx context.Context, dsn string) (*gorm.DB, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, usagef("-db is not an address like postgres://user:password@host:5432/name; write special characters of a password as %%40")
	}
	query := u.Query()
	if !query.Has("connect_timeout") {
		query.Set("connect_timeout", "5")
		u.RawQuery = query.Encode()
	}
	db, err := connect(ctx, postgres.Open(u.String()))
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL at %s cannot be used: %w\nCheck that it runs there, that the database exists, and the user and password in -db", shownDatabase(dsn), err)
	}
	return db, nil
}

// connect opens a handle and asks the database something, so that a wrong address shows here.
func connect(ctx context.Context, dialector gorm.Dialector) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Default.LogMode(logger.Silent)})
	if err != nil {
		return nil, err
	}
	var found int
	return db, db.WithContext(ctx).Raw("SELECT COUNT(*) FROM (SELECT 1) AS one").Scan(&found).Error
}

func closeDatabase(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		pool.Close()
	}
}

// shownDatabase is -db without what must not be on a screen.
func shownDatabase(name string) string {
	u, err := url.Parse(name)
	if err != nil || !isPostgres(name) {
		return name
	}
	u.RawQuery = ""
	return u.Redacted()
}

// setting is what the shop has to remember from one run to the next.
type setting struct {
	Name  string `gorm:"column:name;primaryKey;size:40"`
	Value string `gorm:"column:value;not null"`
}

func (setting) TableName() string { return "demo_settings" }

const keySetting = "test_api_key"

// apiKey gives the test key: the one of the command line, else that of an earlier run, else a new one. The checkout
// keeps a hash only, so the shop keeps the key itself. That is fine for a test key and for nothing else.
func apiKey(ctx context.Context, co *checkout.Checkout, db *gorm.DB, wanted string) (string, error) {
	kept := setting{Name: keySetting, Value: wanted}
	if wanted == "" {
		err := db.WithContext(ctx).Take(&kept, "name = ?", keySetting).Error
		if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
			return "", fmt.Errorf("the test key could not be read: %w", err)
		}
	}
	if kept.Value == "" {
		secret, err := co.CreateKey(ctx, checkout.Test, "Example shop")
		if err != nil {
			return "", fmt.Errorf("a test key could not be made: %w", err)
		}
		kept.Value = secret
	} else if err := co.RegisterKey(ctx, kept.Value, "Example shop"); err != nil {
		return "", usageOr(err, "-api-key")
	}
	err := db.WithContext(ctx).Clauses(clause.OnConflict{UpdateAll: true}).Create(&kept).Error
	return kept.Value, err
}

// setWebhook points the checkout's webhooks at url. Without a secret it keeps the one of an earlier run.
func setWebhook(ctx context.Context, co *checkout.Checkout, url, secret string) (string, error) {
	secret, err := co.SetWebhookSecret(ctx, checkout.Test, url, secret)
	return secret, usageOr(err, "-webhook or -webhook-secret")
}

// usageOr tells a refusal of what somebody typed from a failure.
func usageOr(err error, flags string) error {
	var refusal *checkout.Error
	if errors.As(err, &refusal) && refusal.Status >= 400 && refusal.Status < 500 {
		return usagef("%s: %s", flags, refusal.Message)
	}
	return err
}
