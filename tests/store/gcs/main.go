// A stand-in for Google Cloud Storage: fake-gcs-server, and before it the part of the XML interface that it lacks and that
// object_store speaks, which is writing: with x-goog-if-generation-match, and in parts.
//
//	gcs ADDRESS BUCKET
package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// front translates writes of the XML interface into those of the JSON interface.
type front struct {
	behind  http.Handler
	mutex   sync.Mutex
	uploads map[string]map[int][]byte
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: gcs ADDRESS BUCKET")
	}
	address, bucket := os.Args[1], os.Args[2]
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: address, ExternalURL: "http://" + address})
	if err != nil {
		log.Fatal(err)
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, &front{behind: server.HTTPHandler(), uploads: map[string]map[int][]byte{}}))
}

func (f *front) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	bucket, object, isObject := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	query := request.URL.Query()
	upload := query.Get("uploadId")
	isOurs := isObject && object != "" && bucket != "storage" && bucket != "upload"
	switch {
	case isOurs && request.Method == http.MethodPost && query.Has("uploads"):
		f.begin(response, bucket, object)
	case isOurs && request.Method == http.MethodPut && upload != "":
		f.part(response, request, upload, query.Get("partNumber"))
	case isOurs && request.Method == http.MethodPost && upload != "":
		f.complete(response, request, bucket, object, upload)
	case isOurs && request.Method == http.MethodDelete && upload != "":
		f.forget(upload)
		response.WriteHeader(http.StatusNoContent)
	case isOurs && request.Method == http.MethodPut:
		content, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		f.put(response, request, bucket, object, content, false)
	default:
		f.behind.ServeHTTP(response, request)
	}
}

type written struct {
	Etag       string `json:"etag"`
	Generation string `json:"generation"`
}

func (f *front) put(response http.ResponseWriter, request *http.Request, bucket, object string, content []byte, whole bool) {
	query := url.Values{"uploadType": {"media"}, "name": {object}}
	if generation := request.Header.Get("x-goog-if-generation-match"); generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	target := "/upload/storage/v1/b/" + url.PathEscape(bucket) + "/o?" + query.Encode()
	behind, err := http.NewRequestWithContext(request.Context(), http.MethodPost, target, bytes.NewReader(content))
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	behind.Host = request.Host
	behind.Header.Set("Content-Type", "application/octet-stream")
	recorder := httptest.NewRecorder()
	// fake-gcs-server looks whether the object is there and writes it in two steps.
	f.mutex.Lock()
	f.behind.ServeHTTP(recorder, behind)
	f.mutex.Unlock()
	if recorder.Code != http.StatusOK {
		response.WriteHeader(recorder.Code)
		response.Write(recorder.Body.Bytes())
		return
	}
	var done written
	if err := json.Unmarshal(recorder.Body.Bytes(), &done); err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	response.Header().Set("ETag", `"`+done.Etag+`"`)
	response.Header().Set("x-goog-generation", done.Generation)
	if whole {
		answer(response, struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
			Bucket  string
			Key     string
			ETag    string
		}{Bucket: bucket, Key: object, ETag: done.Etag})
	}
}

func (f *front) begin(response http.ResponseWriter, bucket, object string) {
	f.mutex.Lock()
	upload := strconv.Itoa(len(f.uploads) + 1)
	f.uploads[upload] = map[int][]byte{}
	f.mutex.Unlock()
	answer(response, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadId string
	}{Bucket: bucket, Key: object, UploadId: upload})
}

func (f *front) part(response http.ResponseWriter, request *http.Request, upload, number string) {
	content, err := io.ReadAll(request.Body)
	at, notANumber := strconv.Atoi(number)
	if err != nil || notANumber != nil {
		http.Error(response, "no such part", http.StatusBadRequest)
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	parts := f.uploads[upload]
	if parts == nil {
		http.Error(response, "no such upload", http.StatusNotFound)
		return
	}
	parts[at] = content
	sum := md5.Sum(content)
	response.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
}

func (f *front) complete(response http.ResponseWriter, request *http.Request, bucket, object, upload string) {
	var list struct {
		Parts []struct {
			PartNumber int
		} `xml:"Part"`
	}
	parts := f.forget(upload)
	if err := xml.NewDecoder(request.Body).Decode(&list); err != nil || parts == nil {
		http.Error(response, "no such upload", http.StatusNotFound)
		return
	}
	var content []byte
	for _, part := range list.Parts {
		content = append(content, parts[part.PartNumber]...)
	}
	f.put(response, request, bucket, object, content, true)
}

// forget keeps the key, so that no other upload gets the same number.
func (f *front) forget(upload string) map[int][]byte {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	parts := f.uploads[upload]
	f.uploads[upload] = nil
	return parts
}

func answer(response http.ResponseWriter, document any) {
	response.Header().Set("Content-Type", "application/xml")
	text, err := xml.Marshal(document)
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	response.Write(text)
}
