// The checker that asks golang.org/x/mod/sumdb: note for heads, tlog for proofs and tiles. And what these two make
// themselves, for ours to read. Built without modules, from the sources that the system has installed.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// question holds the fields of all kinds of cases; those of other kinds stay empty.
type question struct {
	Kind      string
	Keys      []string
	Note      []byte
	Origin    string
	Size      int64
	Root      tlog.Hash
	Index     int64
	Leaf      tlog.Hash
	Path      []tlog.Hash
	Old       int64
	New       int64
	OldRoot   tlog.Hash `json:"old_root"`
	NewRoot   tlog.Hash `json:"new_root"`
	Receipt   []byte
	Entry     []byte
	Folder    string
	Positions []int64
	Proof     []byte
}

// forkProof is the file of loopctl log fork-proof.
type forkProof struct {
	Format      string
	Kind        string
	Origin      string
	LogVkeys    []string    `json:"log_vkeys"`
	NoteA       string      `json:"note_a"`
	NoteB       *string     `json:"note_b"`
	RootAtSizeA *tlog.Hash  `json:"root_at_size_a"`
	Consistency []tlog.Hash `json:"consistency_proof"`
}

var errDiffers = errors.New("not what the case says")

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("check or produce, and a file"))
	}
	data, err := os.ReadFile(os.Args[2])
	fail(err)
	var answer interface{}
	if os.Args[1] == "produce" {
		answer, err = produce(data)
	} else {
		answer, err = check(data)
	}
	fail(err)
	fail(json.NewEncoder(os.Stdout).Encode(answer))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(data []byte) ([]bool, error) {
	var questions []question
	if err := json.Unmarshal(data, &questions); err != nil {
		return nil, err
	}
	verdicts := make([]bool, len(questions))
	for i, q := range questions {
		switch q.Kind {
		case "checkpoint":
			verdicts[i] = checkCheckpoint(q) == nil
		case "inclusion":
			verdicts[i] = tlog.CheckRecord(q.Path, q.Size, q.Root, q.Index, q.Leaf) == nil
		case "consistency":
			verdicts[i] = tlog.CheckTree(q.Path, q.New, q.NewRoot, q.Old, q.OldRoot) == nil
		case "receipt":
			verdicts[i] = checkReceipt(q) == nil
		case "tiles":
			verdicts[i] = checkTiles(q) == nil
		case "fork":
			verdicts[i] = checkFork(q) == nil
		default:
			return nil, fmt.Errorf("no kind of case: %s", q.Kind)
		}
	}
	return verdicts, nil
}

// open returns origin and tree of a head that is signed by one of the keys.
func open(raw []byte, keys []string) (string, tlog.Tree, error) {
	var verifiers []note.Verifier
	for _, key := range keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return "", tlog.Tree{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open(raw, note.VerifierList(verifiers...))
	if err != nil {
		return "", tlog.Tree{}, err
	}
	i := strings.IndexByte(opened.Text, '\n')
	// ParseTree knows one origin only, that of sum.golang.org; the rest of the text is the same.
	tree, err := tlog.ParseTree([]byte("go.sum database tree" + opened.Text[i:]))
	if err == nil && strings.Count(opened.Text, "\n") != 3 {
		err = errDiffers
	}
	return opened.Text[:i], tree, err
}

func checkCheckpoint(q question) error {
	origin, tree, err := open(q.Note, q.Keys)
	if err != nil {
		return err
	}
	if origin != q.Origin || tree.N != q.Size || tree.Hash != q.Root {
		return errDiffers
	}
	return nil
}

// checkFork opens both heads with note, and has tlog check that the later one must have another root before it.
func checkFork(q question) error {
	var proof forkProof
	if err := json.Unmarshal(q.Proof, &proof); err != nil {
		return err
	}
	if proof.Format != "loopctl-fork-proof/v1" {
		return errDiffers
	}
	origin, a, err := open([]byte(proof.NoteA), q.Keys)
	if err != nil {
		return err
	}
	if proof.NoteB == nil {
		if proof.Kind == "rollback" {
			return nil
		}
		return errDiffers
	}
	other, b, err := open([]byte(*proof.NoteB), q.Keys)
	if err != nil {
		return err
	}
	if other != origin {
		return errDiffers
	}
	switch proof.Kind {
	case "rollback":
		if b.N < a.N {
			return nil
		}
	case "same_size":
		if b.N == a.N && b.Hash != a.Hash {
			return nil
		}
	case "inconsistent":
		if a.N < b.N && proof.RootAtSizeA != nil && *proof.RootAtSizeA != a.Hash {
			return tlog.CheckTree(proof.Consistency, b.N, b.Hash, a.N, *proof.RootAtSizeA)
		}
	}
	return errDiffers
}

// checkReceipt takes a tlog-proof file apart, which x/mod cannot, and has note and tlog check the parts.
func checkReceipt(q question) error {
	end := bytes.Index(q.Receipt, []byte("\n\n"))
	if end < 0 {
		return errDiffers
	}
	lines := strings.Split(string(q.Receipt[:end]), "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return errDiffers
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	_, tree, err := open(q.Receipt[end+2:], q.Keys)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(q.Entry))
}

// folder is a TileReader over files; the paths are those of tlog-tiles, which leave out the height.
type folder string

func (f folder) Height() int { return tileHeight }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), shortPath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func shortPath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

// entry reads one entry out of its bundle, which x/mod stores otherwise.
func (f folder) entry(position, size int64) ([]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: 0, N: position >> tileHeight, W: 1 << tileHeight}
	if width := size - tile.N<<tileHeight; width < int64(tile.W) {
		tile.W = int(width)
	}
	path := strings.Replace(shortPath(tile), "tile/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(string(f), path))
	for skip := position & (1<<tileHeight - 1); err == nil; skip-- {
		if len(data) < 2 || len(data)-2 < int(data[0])<<8|int(data[1]) {
			return nil, errDiffers
		}
		end := 2 + (int(data[0])<<8 | int(data[1]))
		if skip == 0 {
			return data[2:end], nil
		}
		data = data[end:]
	}
	return nil, err
}

// checkTiles reads the hashes of all entries through tiles that TileHashReader has checked against the root, and
// makes a proof of each out of them.
func checkTiles(q question) error {
	files := folder(q.Folder)
	hashes := tlog.TileHashReader(tlog.Tree{N: q.Size, Hash: q.Root}, files)
	root, err := tlog.TreeHash(q.Size, hashes)
	if err != nil {
		return err
	}
	if root != q.Root {
		return errDiffers
	}
	var indexes []int64
	for _, position := range q.Positions {
		indexes = append(indexes, tlog.StoredHashIndex(0, position))
	}
	leaves, err := hashes.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i, position := range q.Positions {
		entry, err := files.entry(position, q.Size)
		if err != nil {
			return err
		}
		if tlog.RecordHash(entry) != leaves[i] {
			return errDiffers
		}
		proof, err := tlog.ProveRecord(q.Size, position, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, q.Size, q.Root, position, leaves[i]); err != nil {
			return err
		}
	}
	return nil
}

type order struct {
	Origin  string
	Seed    []byte
	Entries [][]byte
	Sizes   []int64
	Proofs  int64
}

type producedLog struct {
	Size  int64             `json:"size"`
	Note  []byte            `json:"note"`
	Tiles map[string][]byte `json:"tiles"`
}

type produced struct {
	Key         string             `json:"key"`
	Logs        []producedLog      `json:"logs"`
	Inclusion   []tlog.RecordProof `json:"inclusion"`
	Consistency []tlog.TreeProof   `json:"consistency"`
}

// stored is the list of hashes that tlog numbers with StoredHashIndex.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

func produce(data []byte) (*produced, error) {
	var o order
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, err
	}
	var hashes stored
	for i, entry := range o.Entries {
		more, err := tlog.StoredHashes(int64(i), entry, hashes)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, more...)
	}
	signer, key, err := newSigner(o.Origin, o.Seed)
	if err != nil {
		return nil, err
	}
	made := &produced{Key: key}
	for _, size := range o.Sizes {
		one, err := produceLog(o.Origin, size, hashes, signer)
		if err != nil {
			return nil, err
		}
		made.Logs = append(made.Logs, one)
	}
	return made, addProofs(made, o.Proofs, hashes)
}

func newSigner(name string, seed []byte) (note.Signer, string, error) {
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	key, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return nil, "", err
	}
	id := strings.SplitN(key, "+", 3)[1]
	private := base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + id + "+" + private)
	return signer, key, err
}

func produceLog(origin string, size int64, hashes stored, signer note.Signer) (producedLog, error) {
	made := producedLog{Size: size, Tiles: map[string][]byte{}}
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return made, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
	if made.Note, err = note.Sign(&note.Note{Text: text}, signer); err != nil {
		return made, err
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		if made.Tiles[shortPath(tile)], err = tlog.ReadTileData(tile, hashes); err != nil {
			return made, err
		}
	}
	return made, nil
}

// addProofs adds them in order of the tree's size.
func addProofs(made *produced, largest int64, hashes stored) error {
	for size := int64(1); size <= largest; size++ {
		for index := int64(0); index < size; index++ {
			record, err := tlog.ProveRecord(size, index, hashes)
			if err != nil {
				return err
			}
			tree, err := tlog.ProveTree(size, index+1, hashes)
			if err != nil {
				return err
			}
			made.Inclusion = append(made.Inclusion, record)
			made.Consistency = append(made.Consistency, tree)
		}
	}
	return nil
}
